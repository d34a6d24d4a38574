export const apps: Record<string, string[]>;
export const complete: string[];
export const portalNamespaces: string[];
export const without: Record<string, Record<string, string[] | RegExp>>;
