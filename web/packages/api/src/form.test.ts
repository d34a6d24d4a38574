import { describe, expect, it } from 'vitest';
import { ApiError } from './errors';
import { fieldErrors, pointerToPath } from './form';

const wrong = (...fields: [string, string][]) =>
  new ApiError({
    kind: 'problem',
    code: fields[0]?.[1] ?? 'invalid',
    status: 422,
    outcome: 'not_done',
    retryable: false,
    fields: fields.map(([pointer, code]) => ({ pointer, code, expected: '' })),
  });

describe('field problems', () => {
  it('go to the field their pointer names', () => {
    expect(pointerToPath('/legs/0/iban')).toBe('legs.0.iban');
    expect(pointerToPath('/a~1b/c~0d')).toBe('a/b.c~d');
    expect(fieldErrors(wrong(['/email', 'email_malformed']), ['email']).fields).toEqual({ email: 'email_malformed' });
  });

  it('go to the field that holds the part, when the form has no field for the part', () => {
    expect(fieldErrors(wrong(['/amount/minor', 'amount_not_positive']), ['amount']).fields).toEqual({ amount: 'amount_not_positive' });
  });

  it('with no field at all stay visible above the form', () => {
    expect(fieldErrors(wrong(['/version', 'version_stale']), ['email'])).toEqual({
      fields: {},
      rest: [{ pointer: '/version', code: 'version_stale' }],
    });
  });

  it('follow the form when it calls a field otherwise', () => {
    const e = wrong(['/came/partner_code', 'code_unknown']);
    expect(fieldErrors(e, ['partnerCode'], { '/came/partner_code': 'partnerCode' }).fields).toEqual({ partnerCode: 'code_unknown' });
  });

  it('show the first of several about one field', () => {
    expect(fieldErrors(wrong(['/password', 'password_short'], ['/password', 'password_common']), ['password']).fields).toEqual({
      password: 'password_short',
    });
  });
});
