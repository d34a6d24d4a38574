import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Plugin } from 'vite';
import { apps, without } from './apps.mjs';

const folder = resolve(import.meta.dirname, '../../../locales');
const prefix = 'virtual:qd-locale';

/**
 * `virtual:qd-locales/<app>` names the loaders of an app: one file per language with the namespaces of
 * its first page, one per further namespace. A new folder below /locales is a new language, without code.
 */
export function locales(): Plugin {
  return {
    name: 'qd-locales',
    resolveId(id) {
      return id.startsWith(prefix) ? `\0${id}` : null;
    },
    load(id) {
      if (!id.startsWith(`\0${prefix}`)) return null;
      const [kind, ...rest] = id.slice(1).split('/');
      if (kind === 'virtual:qd-locales') return index(rest[0] ?? '');
      const [what, lang] = rest as [string, string];
      const names = apps[what] ?? [what];
      const out: Record<string, unknown> = {};
      for (const name of names) {
        const file = join(folder, lang, `${name}.json`);
        this.addWatchFile(file);
        if (!existsSync(file)) continue;
        const texts = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
        const left = without[what]?.[name] ?? [];
        for (const key of Object.keys(texts)) {
          if (left instanceof RegExp ? left.test(key) : left.includes(key)) delete texts[key];
        }
        out[name] = texts;
      }
      return `export default ${JSON.stringify(out)};`;
    },
    configureServer(server) {
      server.watcher.add(folder);
      server.watcher.on('change', (file) => {
        if (!file.startsWith(folder)) return;
        server.moduleGraph.invalidateAll();
        server.ws.send({ type: 'full-reload' });
      });
    },
  };
}

function index(app: string): string {
  const langs = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'common.json')))
    .map((entry) => entry.name);
  const own = new Set(apps[app] ?? []);
  // The sign-in app has nothing but its first page, so no further files are made for it.
  const extra = new Set<string>();
  for (const lang of app === 'auth' ? [] : langs) {
    for (const file of readdirSync(join(folder, lang))) {
      const name = file.replace(/\.json$/, '');
      const foreign = app !== 'backoffice' && (name === 'office' || name.startsWith('office-'));
      const otherApp = name !== app && name in apps;
      const mail = name === 'mail';
      if (file.endsWith('.json') && !own.has(name) && !foreign && !otherApp && !mail) extra.add(name);
    }
  }
  if (app === 'auth') extra.add('security');
  const line = (what: string, lang: string) =>
    `    ${JSON.stringify(lang)}: () => import(${JSON.stringify(`${prefix}/${what}/${lang}`)}),`;
  const has = (name: string, lang: string) => existsSync(join(folder, lang, `${name}.json`));
  return [
    `export const first = {\n${langs.map((lang) => line(app, lang)).join('\n')}\n};`,
    `export const more = {`,
    ...[...extra].map(
      (name) =>
        `  ${JSON.stringify(name)}: {\n${langs.filter((lang) => has(name, lang)).map((lang) => line(name, lang)).join('\n')}\n  },`,
    ),
    `};`,
  ].join('\n');
}

/** Readable chunk names, so that the server can preload `locale-<app>-<lang>` from Vite's manifest. */
export function localeChunkName(moduleId: string | undefined): string | undefined {
  const found = moduleId?.match(/virtual:qd-locale\/([\w-]+)\/([\w-]+)/);
  return found ? `locale-${found[1]}-${found[2]}` : undefined;
}
