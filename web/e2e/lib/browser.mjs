// A browser whose pages tell on themselves: policy violations, errors, requests to strangers,
// accessibility, sideways scrolling.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after } from 'node:test';
import { chromium } from 'playwright-core';

export const url = process.env.QD_E2E_URL ?? 'http://127.0.0.1:8080';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const shots = new URL('../shots/', import.meta.url).pathname;

/** The demo's other brand, which has Arabic: browsers reach this machine by every name below localhost. */
export const harbour = url.replace('127.0.0.1', 'harbour.localhost');

let open;
/** One browser per file; it is closed after the file's last test. */
export async function browser() {
  open ??= chromium.launch({ executablePath: process.env.QD_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  return open;
}
after(async () => {
  await (await open)?.close();
});

const desktop = { width: 1440, height: 900 };
const phone = { width: 390, height: 844 };

/** `E2E_FULL=1`: everything in every language, colour and size. Otherwise each thing once, in turn. */
export const full = process.env.E2E_FULL === '1';

const pictured = full || process.env.QD_E2E_SHOTS === '1';

/** All twelve, in an order in which neighbours differ in everything. */
export const combinations = [...Array(12).keys()].map((n) => {
  const lang = ['en', 'de', 'ar'][n % 3];
  const small = n % 4 === 1 || n % 4 === 2;
  const scheme = n % 2 === 0 ? 'light' : 'dark';
  return { name: `${small ? 'phone' : 'desktop'}-${lang}-${scheme}`, viewport: small ? phone : desktop, mobile: small, lang, scheme };
});

/** What a scenario is looked at in: not all combinations, but each value with each other's extremes. */
export const views = [
  { name: 'desktop-en-light', viewport: desktop, lang: 'en', scheme: 'light' },
  { name: 'phone-de-light', viewport: phone, mobile: true, lang: 'de', scheme: 'light' },
  { name: 'phone-ar-dark', viewport: phone, mobile: true, lang: 'ar', scheme: 'dark' },
  { name: 'desktop-ar-light', viewport: desktop, lang: 'ar', scheme: 'light' },
  { name: 'desktop-de-dark', viewport: desktop, lang: 'de', scheme: 'dark' },
].filter((v) => full || v.name === 'desktop-en-light' || v.name === 'phone-ar-dark');

/** For going round whole portals once more: `pages.e2e.mjs` has each screen already, in turn. */
export const rounds = full ? views : [];

/** A fresh visitor: own cookies, own storage. Who reads Arabic goes to the brand that has it. */
export async function visitor({ viewport = desktop, mobile = false, lang = 'en', scheme = 'light', locale, base = lang === 'ar' ? harbour : url } = {}) {
  const context = await (await browser()).newContext({
    baseURL: base,
    viewport,
    isMobile: mobile,
    hasTouch: mobile,
    colorScheme: scheme,
    // Where the browser's own language says its owner lives; the page's language is `lang`.
    ...(locale ? { locale } : {}),
    reducedMotion: 'reduce',
  });
  await context.addCookies([{ name: 'qd_lang', value: lang, url: base }]);
  await context.addInitScript(() => {
    globalThis.qdViolations = [];
    document.addEventListener('securitypolicyviolation', (e) => globalThis.qdViolations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
  });
  return context;
}

/**
 * A page with its faults. `forgive` are patterns of console errors a scenario causes on purpose: the
 * browser itself writes a line for each refused request.
 */
export async function page(context, address, { forgive = [] } = {}) {
  const p = await context.newPage();
  const faults = [];
  p.on('console', (m) => {
    if (m.type() === 'error' && !forgive.some((f) => f.test(m.text()))) faults.push(`console: ${m.text()}`);
  });
  p.on('pageerror', (e) => faults.push(`script: ${e.message}`));
  p.on('request', (r) => {
    const to = new URL(r.url());
    if (to.protocol.startsWith('http') && to.origin !== new URL(p.url() === 'about:blank' ? url : p.url()).origin) {
      if (r.resourceType() !== 'document') faults.push(`request to a stranger: ${r.url()}`);
    }
  });
  p.qdFaults = faults;
  if (address) await p.goto(address);
  return p;
}

/** Looks hard at what is on the screen now; `name` names the screenshot. */
export async function look(p, name) {
  // Not "network idle": the live stream is never idle.
  await p.waitForLoadState('load');
  await p.waitForFunction(() => !document.querySelector('.mantine-Skeleton-root, [data-qd-loading], .qd-boot'));
  await p.evaluate(() => document.fonts.ready);
  const picture = async () => {
    mkdirSync(shots, { recursive: true });
    await p.screenshot({ path: `${shots}${name}.png`, fullPage: true });
  };
  // Pictures cost more time than all else: they are for people who look at single scenarios, and of faults.
  if (name && pictured) await picture();
  // `evaluate` is not under the page's policy.
  await p.evaluate(axe);
  const findings = await p.evaluate(async () => {
    // wcag21a has only label-content-name-mismatch, which counts text that is hidden from readers.
    const tags = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const { violations } = await globalThis.axe.run(document, { runOnly: tags, resultTypes: ['violations'], preload: false });
    const out = violations.map((v) => `axe ${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} (${n.any[0]?.message ?? n.all[0]?.message ?? v.help})`).join('; ')}`);
    out.push(...globalThis.qdViolations.map((v) => `policy: ${v}`));
    const wide = document.documentElement.scrollWidth - innerWidth;
    if (wide > 0) out.push(`scrolls sideways by ${wide}px`);
    if ((document.documentElement.dir === 'rtl') !== ['ar', 'fa', 'he', 'ur'].includes(document.documentElement.lang)) out.push('text direction');
    return out;
  });
  const faults = [...p.qdFaults, ...findings];
  if (name && faults.length > 0 && !pictured) await picture();
  assert.deepEqual(faults, [], `${name ?? p.url()} has faults`);
}
