/** What an app must know before its first screen: the brand, its languages, what it offers. */

import { useQuery } from '@tanstack/react-query';
import { callLoose } from './client';
import type { ApiError } from './errors';

export interface DemoSignIn {
  role: string;
  email: string;
  password: string;
  /** `staff` or `client` */
  kind: 'staff' | 'client';
  brand?: string | null;
}

export interface Boot {
  brand: { code: string; name: string; hue: number; logo: string };
  entity: { code: string; name: string; country: string; regulator: string };
  languages: string[];
  defaultLanguage: string;
  /** Legal text by kind (`terms`, `privacy`, `risk_warning`): version, and where to read it. */
  legal: { kind: string; version: string; key: string; url: string | null; text: string | null }[];
  countries: { code: string; served: boolean }[];
  /** Two letters, where the visitor seems to be. */
  country: string | null;
  currencies: string[];
  modules: string[];
  zone: string;
  supportEmail: string | null;
  demo: { signIns: DemoSignIn[] } | null;
  version: string;
}

type Loose = Record<string, unknown>;

/** Reads the answer of `/public/boot`; missing parts are empty, so that a page can show itself. */
export function readBoot(raw: unknown): Boot {
  const r = (raw ?? {}) as Loose;
  const brand = (typeof r.brand === 'object' && r.brand ? r.brand : r) as Loose;
  const entity = (r.entity ?? {}) as Loose;
  const languages = list(r.languages ?? brand.languages).map(String);
  const demo = r.demo;
  const signIns = list(r.demo_sign_ins ?? (demo as Loose | undefined)?.sign_ins) as Loose[];
  return {
    brand: {
      code: text(brand.code),
      name: text(brand.name),
      hue: Number(brand.hue ?? 210),
      logo: text(brand.logo_url ?? brand.logo ?? r.logo_url) || '/brand/logo.svg',
    },
    entity: { code: text(entity.code), name: text(entity.name), country: text(entity.country), regulator: text(entity.regulator) },
    languages: languages.length > 0 ? languages : ['en'],
    defaultLanguage: text(r.default_language) || languages[0] || 'en',
    legal: legal(r.legal ?? r.texts),
    countries: (list(r.countries) as Loose[]).map((c) => ({ code: text(c.code), served: c.served !== false })),
    country: text(r.country) || null,
    currencies: list(r.currencies).map(String),
    modules: list(r.modules).map(String),
    zone: text(r.zone) || 'UTC',
    supportEmail: text(r.support_email ?? r.support_mail) || null,
    demo:
      demo || signIns.length > 0
        ? {
            signIns: signIns.map((s) => ({
              role: text(s.role),
              email: text(s.email),
              password: text(s.password),
              kind: s.kind === 'client' || s.realm === 'client' || s.role === 'client' || s.role === 'partner' ? 'client' : 'staff',
              brand: text(s.brand) || null,
            })),
          }
        : null,
    version: text(r.version ?? r.build),
  };
}

function legal(raw: unknown): Boot['legal'] {
  if (Array.isArray(raw)) {
    return (raw as Loose[]).map((l) => ({
      kind: text(l.kind ?? l.code),
      version: text(l.version) || '1',
      key: text(l.key),
      url: text(l.url) || null,
      text: text(l.text) || null,
    }));
  }
  return Object.entries((raw ?? {}) as Loose).map(([kind, value]) => ({
    kind,
    version: '1',
    key: text(value),
    url: null,
    text: null,
  }));
}

function list(v: unknown): unknown[] {
  return Array.isArray(v) ? v : [];
}

function text(v: unknown): string {
  return typeof v === 'string' ? v : typeof v === 'number' ? String(v) : '';
}

/** One request per page; shared by everything that asks. */
export function useBoot() {
  return useQuery<Boot, ApiError>({
    queryKey: ['boot'],
    queryFn: async ({ signal }) => readBoot(await callLoose('get', '/api/v1/public/boot', {}, { signal })),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    meta: { live: 'off' },
  });
}
