import { describe, expect, it } from 'vitest';
import { moneyText, sumMoney, toDecimal, toMinor } from './amount';

describe('an amount', () => {
  it('becomes decimal text by its currency, without a float in between', () => {
    expect(toDecimal(50000, 'EUR')).toBe('500.00');
    expect(toDecimal(-5, 'EUR')).toBe('-0.05');
    expect(toDecimal(1500, 'JPY')).toBe('1500');
    expect(toDecimal(1234567, 'KWD')).toBe('1234.567');
    expect(toDecimal('9007199254740993', 'USD')).toBe('90071992547409.93');
    expect(toDecimal(1, 'BTC')).toBe('0.00000001');
  });

  it('is written as the reader writes numbers, with every digit it has', () => {
    expect(moneyText('en', { minor: '900719925474099301', currency: 'EUR' })).toBe('EUR\u00a09,007,199,254,740,993.01');
    expect(moneyText('de', { minor: 123456, currency: 'EUR' })).toBe('EUR\u00a01.234,56');
    expect(moneyText('ar', { minor: 123456, currency: 'EUR' })).toContain('1,234.56');
    expect(moneyText('en', { minor: 45600, currency: 'USD' }, { signed: true })).toBe('USD\u00a0+456.00');
  });

  it('is understood in both ways of writing, and refused when it is no amount of the currency', () => {
    expect(toMinor('1,234.50', 'EUR')).toBe(123450);
    expect(toMinor('1.234,50', 'EUR')).toBe(123450);
    expect(toMinor('1 234', 'EUR')).toBe(123400);
    expect(toMinor('500', 'EUR')).toBe(50000);
    expect(toMinor('0.5', 'EUR')).toBe(50);
    expect(toMinor('١٢٣', 'EUR')).toBe(12300);
    expect(toMinor('1.234.567,89', 'EUR')).toBe(123456789);
    for (const bad of ['', 'abc', '-5', '1.2.3', '12.345,678', '1e5', '99999999999999999999']) expect(toMinor(bad, 'EUR'), bad).toBeNull();
    expect(toMinor('10.5', 'JPY')).toBeNull();
  });

  it('with three digits after its only sign is read in the reader’s language', () => {
    expect(toMinor('1,000', 'EUR', 'en')).toBe(100000);
    expect(toMinor('1.000', 'EUR', 'en')).toBeNull();
    expect(toMinor('1.000', 'EUR', 'de')).toBe(100000);
    expect(toMinor('1,000', 'KWD', 'en')).toBe(1000000);
    expect(toMinor('1.005', 'KWD', 'en')).toBe(1005);
    expect(toMinor('1.005', 'KWD', 'de')).toBe(1005000);
  });

  it('adds up within one currency only', () => {
    expect(sumMoney([{ minor: 1, currency: 'EUR' }, { minor: '9007199254740993', currency: 'EUR' }])).toEqual({ minor: '9007199254740994', currency: 'EUR' });
    expect(sumMoney([{ minor: 1, currency: 'EUR' }, { minor: 1, currency: 'USD' }])).toBeNull();
  });
});
