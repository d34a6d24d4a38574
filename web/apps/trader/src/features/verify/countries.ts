import { country } from '@qd/i18n';

// Codes that Intl names but that are no place to be from.
const notPlaces = new Set(['EU', 'EZ', 'UN', 'QO', 'ZZ', 'XA', 'XB', 'AC', 'CP', 'DG', 'EA', 'IC', 'TA', 'CQ', 'SU', 'AN', 'CS', 'DD', 'YU', 'FX', 'TP', 'ZR', 'BU', 'NT', 'YD', 'VD', 'DY', 'HV', 'NH', 'RH', 'UK']);

/** All countries by their names in a language, sorted as that language sorts. */
export function allCountries(lang: string): { value: string; label: string }[] {
  const out: { value: string; label: string }[] = [];
  const names = new Intl.DisplayNames([lang], { type: 'region', fallback: 'none' });
  for (let a = 65; a <= 90; a += 1) {
    for (let b = 65; b <= 90; b += 1) {
      const code = String.fromCharCode(a, b);
      if (!notPlaces.has(code) && names.of(code)) out.push({ value: code, label: names.of(code)! });
    }
  }
  return sorted(lang, out);
}

export function countriesOf(lang: string, codes: readonly string[]): { value: string; label: string }[] {
  return sorted(lang, codes.map((value) => ({ value, label: country(lang, value) })));
}

function sorted(lang: string, list: { value: string; label: string }[]) {
  const { compare } = new Intl.Collator(lang);
  return list.sort((x, y) => compare(x.label, y.label));
}
