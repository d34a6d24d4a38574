import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { locales } from './packages/i18n/vite';

export default defineConfig({
  plugins: [react(), locales()],
  test: {
    environment: 'happy-dom',
    include: ['packages/**/*.test.{ts,tsx}', 'apps/**/*.test.{ts,tsx}'],
    setupFiles: ['packages/ui/src/test/setup.ts'],
    css: false,
  },
});
