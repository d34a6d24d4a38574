type LocaleFile = () => Promise<{ default: Record<string, Record<string, unknown>> }>;

declare module 'virtual:qd-locales/*' {
  export const first: Record<string, LocaleFile>;
  export const more: Record<string, Record<string, LocaleFile>>;
}
