/** "Firefox on Linux" of a browser's description of itself; the text as it is when nothing is recognised. */
export function deviceName(agent: string | null | undefined): { browser: string; system: string } | null {
  if (!agent) return null;
  const browser = first(agent, [
    [/\bEdg(A|iOS)?\//, 'Edge'],
    [/\bOPR\//, 'Opera'],
    [/SamsungBrowser\//, 'Samsung Internet'],
    [/\b(FxiOS|Firefox)\//, 'Firefox'],
    [/\b(CriOS|HeadlessChrome|Chrome)\//, 'Chrome'],
    [/\bVersion\/.*Safari\//, 'Safari'],
    [/^curl\//, 'curl'],
  ]);
  const system = first(agent, [
    [/iPhone|iPad/, 'iOS'],
    [/Android/, 'Android'],
    [/Windows/, 'Windows'],
    [/Mac OS X|Macintosh/, 'macOS'],
    [/CrOS/, 'ChromeOS'],
    [/Linux/, 'Linux'],
  ]);
  return browser && system ? { browser, system } : null;
}

function first(text: string, known: readonly (readonly [RegExp, string])[]): string | null {
  return known.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}
