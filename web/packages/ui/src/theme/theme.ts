import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

// Ten shades with fixed lightness: whatever the hue, shade 7 carries white text and shade 9 is text on
// shade 0 (both AA). The brand's hue is a CSS variable, so a brand needs no build.
const lightness = [0.975, 0.945, 0.89, 0.82, 0.74, 0.66, 0.585, 0.52, 0.45, 0.385];
const softness = [0.15, 0.25, 0.42, 0.62, 0.82, 0.95, 1, 1, 0.95, 0.85];

function shades(hue: string, chroma: string): MantineColorsTuple {
  return lightness.map((l, i) => `oklch(${l} calc(${chroma} * ${softness[i]}) ${hue})`) as unknown as MantineColorsTuple;
}

export const theme = createTheme({
  primaryColor: 'brand',
  primaryShade: 7,
  colors: {
    brand: shades('var(--brand-hue)', 'var(--brand-chroma)'),
    gray: shades('255', '0.015'),
    dark: [0.93, 0.8, 0.72, 0.5, 0.34, 0.3, 0.245, 0.212, 0.19, 0.17].map((l) => `oklch(${l} 0.014 255)`) as unknown as MantineColorsTuple,
    red: shades('25', '0.18'),
    green: shades('152', '0.13'),
    yellow: shades('75', '0.12'),
    orange: shades('55', '0.14'),
    blue: shades('245', '0.14'),
  },
  fontFamily: "'Inter Variable', system-ui, 'Noto Sans Arabic', 'Segoe UI', sans-serif",
  fontFamilyMonospace: 'var(--qd-mono)',
  headings: {
    fontWeight: '620',
    sizes: {
      h1: { fontSize: '1.375rem', lineHeight: '1.3' },
      h2: { fontSize: '1.125rem', lineHeight: '1.35' },
      h3: { fontSize: '0.95rem', lineHeight: '1.4' },
      h4: { fontSize: '0.875rem', lineHeight: '1.4' },
    },
  },
  fontSizes: { xs: '0.78rem', sm: '0.875rem', md: '0.9375rem', lg: '1.0625rem', xl: '1.25rem' },
  defaultRadius: 'md',
  radius: { xs: '3px', sm: '5px', md: '7px', lg: '10px', xl: '16px' },
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    Tooltip: { defaultProps: { withArrow: true, multiline: true, maw: 340, openDelay: 250, events: { hover: true, focus: true, touch: true } } },
    Menu: { defaultProps: { shadow: 'md', withInitialFocusPlaceholder: false } },
    Select: { defaultProps: { allowDeselect: false, checkIconPosition: 'right' } },
    Button: { defaultProps: { size: 'sm' } },
  },
});

/** Mantine's dimmed, placeholder, error and light colours fail AA; these pass in light and dark. */
export const cssVariablesResolver: CSSVariablesResolver = (resolved) => {
  const variables: Record<string, string> = {
    '--mantine-color-body': 'var(--qd-surface)',
    '--mantine-color-text': 'var(--qd-text)',
    '--mantine-color-bright': 'var(--qd-text)',
    '--mantine-color-dimmed': 'var(--qd-muted)',
    '--mantine-color-placeholder': 'var(--qd-muted)',
    '--mantine-color-anchor': 'var(--qd-brand-text)',
    '--mantine-color-error': 'var(--qd-bad-text)',
    '--mantine-color-success': 'var(--qd-good-text)',
    '--mantine-color-default': 'var(--qd-surface)',
    '--mantine-color-default-hover': 'var(--qd-hover)',
    '--mantine-color-default-color': 'var(--qd-text)',
    '--mantine-color-default-border': 'var(--qd-line)',
    '--mantine-color-disabled': 'var(--qd-sunken)',
    '--mantine-color-disabled-color': 'var(--qd-muted)',
    '--mantine-color-disabled-border': 'var(--qd-line)',
  };
  for (const name of Object.keys(resolved.colors)) {
    if (name === 'dark' || !['brand', 'gray', 'red', 'green', 'yellow', 'orange', 'blue'].includes(name)) continue;
    const shade = (n: number) => `var(--mantine-color-${name}-${n})`;
    variables[`--mantine-color-${name}-light`] = `light-dark(${shade(0)}, color-mix(in oklab, ${shade(7)} 26%, var(--qd-surface)))`;
    variables[`--mantine-color-${name}-light-hover`] = `light-dark(${shade(1)}, color-mix(in oklab, ${shade(7)} 36%, var(--qd-surface)))`;
    variables[`--mantine-color-${name}-light-color`] = `light-dark(${shade(9)}, ${shade(2)})`;
    variables[`--mantine-color-${name}-outline`] = `light-dark(${shade(8)}, ${shade(3)})`;
    variables[`--mantine-color-${name}-outline-hover`] = 'var(--qd-hover)';
    variables[`--mantine-color-${name}-text`] = `light-dark(${shade(8)}, ${shade(3)})`;
    variables[`--mantine-color-${name}-filled`] = shade(7);
    variables[`--mantine-color-${name}-filled-hover`] = shade(8);
  }
  return { variables: { '--mantine-primary-color-contrast': '#fff' }, light: variables, dark: variables };
};
