import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { localeChunkName, locales } from './packages/i18n/vite';

const apps = ['auth', 'trader', 'partner', 'backoffice'] as const;
type App = (typeof apps)[number];

const api = process.env.QD_API ?? 'http://127.0.0.1:8080';
const rtl = new Set(['ar', 'fa', 'he', 'ur']);

/** The same table of addresses as the server has: what may be asked for without a session is `auth`. */
function appOf(path: string): App {
  const rest = path.replace(/^\/(office|partner)(?=\/|$)/, '');
  if (/^\/(sign-in|register|forgot|reset|verify|invite)(\/|$)/.test(rest)) return 'auth';
  if (/^\/office(\/|$)/.test(path)) return 'backoffice';
  if (/^\/partner(\/|$)/.test(path)) return 'partner';
  return 'trader';
}

/** In `npm run dev` this does what the Rust server does in production: picks the app, fills the marks. */
function portals(): Plugin {
  return {
    name: 'qd-portals',
    configureServer(server) {
      server.middlewares.use(async (req, res, next) => {
        const url = new URL(req.url ?? '/', 'http://localhost');
        const wantsPage = req.method === 'GET' && (req.headers.accept ?? '').includes('text/html');
        const owned = /^\/(@|api\/|brand|hooks\/|sandbox\/|c\/|node_modules\/|apps\/|packages\/|manifest\.webmanifest)/;
        if (!wantsPage || owned.test(url.pathname) || /\.\w+$/.test(url.pathname)) return next();
        const gallery = url.pathname.startsWith('/gallery');
        const file = gallery ? 'packages/ui/gallery/index.html' : `apps/${appOf(url.pathname)}/index.html`;
        const lang = url.searchParams.get('lang') ?? cookie(req.headers.cookie, 'qd_lang') ?? 'en';
        const html = readFileSync(resolve(import.meta.dirname, file), 'utf8')
          .replaceAll('__LANG__', lang)
          .replaceAll('__DIR__', rtl.has(lang) ? 'rtl' : 'ltr')
          .replaceAll('__BRAND__', 'Quarterdeck (dev)')
          .replaceAll('__CSP_NONCE__', '')
          .replaceAll('src="./src/', `src="/${file.replace('/index.html', '')}/src/`);
        res.setHeader('content-type', 'text/html; charset=utf-8');
        res.end(await server.transformIndexHtml(url.pathname, html));
      });
    },
  };
}

function cookie(header: string | undefined, name: string): string | undefined {
  return header?.split(/;\s*/).find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** dist/apps/trader/index.html -> dist/trader/index.html: the layout the server embeds. */
function flatten(): Plugin {
  return {
    name: 'qd-flatten',
    apply: 'build',
    closeBundle() {
      const dist = resolve(import.meta.dirname, process.env.QD_DIST ?? 'dist');
      if (!existsSync(resolve(dist, 'apps'))) return;
      for (const app of apps) {
        rmSync(resolve(dist, app), { recursive: true, force: true });
        renameSync(resolve(dist, 'apps', app), resolve(dist, app));
      }
      rmSync(resolve(dist, 'apps'), { recursive: true, force: true });
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  appType: 'custom',
  plugins: [react(), locales(), portals(), flatten()],
  server: {
    port: Number(process.env.QD_DEV_PORT ?? 5173),
    fs: { allow: [resolve(import.meta.dirname, '..')] },
    proxy: Object.fromEntries(
      ['/api', '/brand.css', '/brand', '/hooks', '/sandbox', '/c/', '/manifest.webmanifest'].map((path) => [
        path,
        { target: api, changeOrigin: false },
      ]),
    ),
  },
  build: {
    target: 'es2022',
    // light-dark() and nesting stay as written: every browser we serve knows them.
    cssTarget: ['chrome123', 'edge123', 'firefox121', 'safari17.5'],
    outDir: process.env.QD_DIST ?? 'dist',
    emptyOutDir: true,
    manifest: true,
    // A strict policy forbids data: scripts and inline code; everything is a file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      input: {
        ...Object.fromEntries(apps.map((app) => [app, resolve(import.meta.dirname, `apps/${app}/index.html`)])),
        // For looking at every component under the real policy; never part of a release.
        ...(process.env.QD_GALLERY ? { gallery: resolve(import.meta.dirname, 'packages/ui/gallery/index.html') } : {}),
      },
      output: {
        entryFileNames: 'assets/[name]-[hash].js',
        chunkFileNames: (chunk) => `assets/${localeChunkName(chunk.facadeModuleId ?? undefined) ?? '[name]'}-[hash].js`,
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
    },
  },
});
