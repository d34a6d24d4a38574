import { describe, expect, it } from 'vitest';
import { cell, csv } from './csv';

describe('a CSV of the trail', () => {
  it('quotes what would break a row', () => {
    expect(cell('a, "b"\nc')).toBe('"a, ""b""\nc"');
    expect(cell({ a: 1 })).toBe('"{""a"":1}"');
    expect(cell(null)).toBe('');
  });
  it('gives a spreadsheet no formula to run', () => {
    expect(cell('=HYPERLINK(1)')).toBe("'=HYPERLINK(1)");
    expect(cell('@x')).toBe("'@x");
  });
  it('ends each row', () => {
    expect(csv([['a', 'b'], [1, 2]])).toBe('\uFEFFa,b\r\n1,2\r\n');
  });
});
