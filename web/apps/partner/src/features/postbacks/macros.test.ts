import { describe, expect, it } from 'vitest';
import { example, withMacro } from './macros';

describe('example', () => {
  it('fills both spellings and other trackers names, encoded', () => {
    const made = example('https://t.example/pb?cid={click_id}&c={{ aff_click_id }}&e={event}&t={time_iso}', 'ftd');
    expect(made.url).toBe('https://t.example/pb?cid=abc-123&c=abc-123&e=ftd&t=2026-11-20T16%3A00%3A00Z');
    expect(made.unknown).toEqual([]);
  });
  it('names what nobody knows and leaves it', () => {
    expect(example('https://t.example/?x={nonsense}', 'ftd')).toEqual({ url: 'https://t.example/?x={nonsense}', unknown: ['nonsense'] });
  });
  it('makes an unknown value empty, as the server does', () => {
    expect(example('https://t.example/?s={sub5}', 'ftd').url).toBe('https://t.example/?s=');
  });
});

describe('withMacro', () => {
  it('starts or continues the query', () => {
    expect(withMacro('https://t.example/pb', 'event')).toBe('https://t.example/pb?event={event}');
    expect(withMacro('https://t.example/pb?a=1', 'event')).toBe('https://t.example/pb?a=1&event={event}');
  });
});
