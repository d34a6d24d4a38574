import { afterEach, beforeAll, vi } from 'vitest';

// What happy-dom does not have and Mantine asks for at start.
beforeAll(() => {
  vi.stubGlobal('ResizeObserver', class {
    observe() {}
    unobserve() {}
    disconnect() {}
  });
  if (!window.matchMedia) {
    vi.stubGlobal('matchMedia', (query: string) => ({ matches: false, media: query, addEventListener() {}, removeEventListener() {}, addListener() {}, removeListener() {} }));
  }
  Element.prototype.scrollIntoView ??= () => {};
  // Mantine's growing text field waits for fonts.
  if (!document.fonts) Object.defineProperty(document, 'fonts', { value: { addEventListener() {}, removeEventListener() {} } });
});

afterEach(async () => {
  const { cleanup } = await import('@testing-library/react');
  cleanup();
  localStorage.clear();
});
