import { describe, expect, it } from 'vitest';
import { country, duration, number, relative } from './format';
import { languageOf, weekOf } from './languages';

describe('numbers and times', () => {
  it('keep Latin digits in Arabic and Persian', () => {
    expect(number('ar', '1234.50', { minimumFractionDigits: 2 })).toBe('1,234.50');
    expect(number('fa', '12')).toBe('12');
  });

  it('format decimal text without rounding it', () => {
    expect(number('en', '12345678901234567.89', { minimumFractionDigits: 2 })).toBe('12,345,678,901,234,567.89');
  });

  it('say durations in one or two units', () => {
    expect(duration('en', 45)).toBe('45 sec');
    expect(duration('en', 3_600)).toBe('1 hr');
    expect(duration('en', 12_000)).toBe('3 hr 20 min');
    expect(duration('en', 200_000)).toBe('2 days 8 hr');
    expect(relative('de', -3 * 86_400)).toBe('vor 3 Tagen');
  });

  it('name countries in the reader’s language, and leave other codes alone', () => {
    expect(country('de', 'AT')).toBe('Österreich');
    expect(country('en', 'zzz')).toBe('zzz');
  });
});

describe('languages', () => {
  it('have a direction and a week of their own', () => {
    expect(languageOf('ar-AE').dir).toBe('rtl');
    expect(languageOf('de-AT').code).toBe('de');
    expect(languageOf('xx').code).toBe('en');
    expect(weekOf('ar').firstDay).toBe(6);
    expect(weekOf('de').firstDay).toBe(1);
  });
});
