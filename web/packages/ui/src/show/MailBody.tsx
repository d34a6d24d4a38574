import { createElement, useMemo, type ReactNode } from 'react';
import classes from './show.module.css';

// What a letter is made of. Everything else gives its text and nothing more: no styles, no pictures from
// elsewhere, no scripts, no forms.
const kept = new Set(['p', 'br', 'strong', 'b', 'em', 'i', 'u', 'h1', 'h2', 'h3', 'ul', 'ol', 'li', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'blockquote', 'hr', 'div']);
const silent = new Set(['script', 'style', 'head', 'template', 'iframe', 'object', 'noscript', 'svg']);
// A letter's headings stand below those of the page.
const below: Record<string, string> = { h1: 'h4', h2: 'h5', h3: 'h6' };

function shown(node: Node, key: number): ReactNode {
  if (node.nodeType === Node.TEXT_NODE) return node.textContent;
  if (!(node instanceof Element)) return null;
  const name = node.localName;
  if (silent.has(name)) return null;
  const inner = [...node.childNodes].map(shown);
  // Where a link leads is said, and it is not followed from here: some act for the client.
  if (name === 'a') return <span key={key}>{inner} <bdi dir="ltr" className={classes.mailLink}>{node.getAttribute('href')}</bdi></span>;
  if (name === 'br' || name === 'hr') return createElement(name, { key });
  return kept.has(name) ? createElement(below[name] ?? name, { key }, ...inner) : <span key={key}>{inner}</span>;
}

/** Without its styles: they are dropped anyway, and parsing them alone makes the browser report each to the policy. */
function undressed(html: string): string {
  return html.replaceAll(/<style[\s\S]*?<\/style>/gi, '').replaceAll(/<[a-z][^>]*>/gi, (tag) => tag.replaceAll(/\sstyle\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)/gi, ''));
}

/** A mail as its reader got it, rebuilt of plain parts: the page's policy allows no foreign document. */
export function MailBody({ html, text, lang, dir }: { html: string | null; text: string | null; lang: string; dir: 'ltr' | 'rtl' }) {
  const parts = useMemo(() => {
    if (!html) return null;
    // Parsed, never put into the page: what is in it neither runs nor loads anything.
    const page = new DOMParser().parseFromString(undressed(html), 'text/html');
    return [...page.body.childNodes].map(shown);
  }, [html]);
  return (
    <div className={classes.mail} lang={lang} dir={dir}>
      {parts ?? <pre className={classes.mailText}>{text}</pre>}
    </div>
  );
}
