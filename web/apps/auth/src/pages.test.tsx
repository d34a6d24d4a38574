import { cleanup, fireEvent, screen, waitFor } from '@testing-library/react';
import { answer, type Asked, refusal, show } from '@qd/ui/security/test/show';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { App } from './App';
import { whereIs } from './where';

vi.mock('./signing', async (original) => ({ ...(await original<typeof import('./signing')>()), leave: (a: string) => left.push(a) }));
const left: string[] = [];

const boot = {
  brand: { code: 'northwind', name: 'Northwind', hue: 212, logo_url: '/brand/logo.svg', support_email: 'hello@northwind.example', zone: 'UTC' },
  entity: { code: 'eu', name: 'Northwind Markets Europe Ltd', country: 'CY', regulator: 'CySEC' },
  languages: ['en'],
  default_language: 'en',
  house_languages: ['en'],
  currencies: ['EUR'],
  countries: [
    { code: 'DE', served: true },
    { code: 'US', served: false },
  ],
  country: 'DE',
  texts: [
    { use: 'terms', key: 'terms.eu', version: 'aaaa1111', url: '/legal/terms', text: {} },
    { use: 'privacy', key: 'privacy.eu', version: 'bbbb2222', url: '/legal/privacy', text: {} },
    { use: 'risk_warning', key: 'risk.eu', version: 'cccc3333', url: '/legal/risk_warning', text: { en: 'You may lose money.' } },
  ],
  modules: [],
  demo: null,
  version: '0.1.0',
};

const done = { kind: 'client', id: 'lgn_1', name: 'Alex', token: 't', expires_at_us: 1, new_device: false, must_change_password: false, must_enrol_second_factor: false };

function open(address: string, serve: (asked: Asked, n: number) => Response): Asked[] {
  const url = new URL(address, 'https://trade.example');
  return show(<App where={whereIs(url)} />, (a, n) => (a.path === '/public/boot' ? answer(200, boot) : serve(a, n)));
}

const field = (label: RegExp) => screen.getByLabelText(label, { selector: 'input, select' });
const type = (label: RegExp, value: string) => fireEvent.change(field(label), { target: { value } });
const press = (name: string) => fireEvent.click(screen.getByRole('button', { name }));

beforeEach(() => {
  left.length = 0;
  localStorage.clear();
  sessionStorage.clear();
});
afterEach(cleanup);

describe('signing in', () => {
  it('leads to where one wanted to go', async () => {
    const asked = open('/office/sign-in?next=%2Foffice%2Fkyc', () => answer(200, { ...done, kind: 'staff' }));
    await screen.findByRole('heading', { name: 'Sign in to the Back Office' });
    type(/E-mail address/, ' mara@example.com ');
    type(/^Password/, 'correct horse');
    press('Sign in');
    await waitFor(() => expect(left).toEqual(['/office/kyc']));
    const sent = asked.find((a) => a.path === '/auth/staff/sign-in');
    expect(sent?.body).toEqual({ email: 'mara@example.com', password: 'correct horse' });
  });

  it('asks for the code when there is a second factor, and sends it with the password', async () => {
    const asked = open('/sign-in', (a) => {
      const { code } = a.body as { code?: string };
      if (!code) return refusal(401, 'second_factor_required');
      return code === '111111' ? refusal(401, 'second_factor_wrong') : answer(200, done);
    });
    await screen.findByRole('heading', { name: 'Sign in' });
    type(/E-mail address/, 'alex@example.com');
    type(/^Password/, 'secret-word');
    press('Sign in');
    await screen.findByRole('heading', { name: 'Enter your code' });
    type(/Code from your/, '111111');
    press('Continue');
    await waitFor(() => expect(field(/Code from your/).getAttribute('aria-invalid')).toBe('true'));
    type(/Code from your/, '٢٢٢٢٢٢');
    press('Continue');
    await waitFor(() => expect(left).toEqual(['/']));
    expect(asked.at(-1)?.body).toEqual({ email: 'alex@example.com', password: 'secret-word', code: '222222' });
  });

  it('sets up the authenticator app first where the house wants one', async () => {
    open('/office/sign-in', (a) => {
      if (a.path.endsWith('/sign-in')) return answer(200, { ...done, kind: 'staff', must_enrol_second_factor: true });
      if (a.path.endsWith('/enrol')) return answer(200, { secret: 'JBSWY3DPEHPK3PXP', url: 'otpauth://totp/x' });
      return answer(200, { recovery_codes: ['7K3M-Q0XA'] });
    });
    await screen.findByRole('heading', { name: /Back Office/ });
    type(/E-mail address/, 'mara@example.com');
    type(/^Password/, 'correct horse');
    press('Sign in');
    await screen.findByRole('heading', { name: 'Protect your access' });
    await screen.findByRole('img', { name: /QR code/ });
    type(/your app shows now/, '123456');
    press('Confirm code');
    fireEvent.click(await screen.findByRole('checkbox'));
    press('Done');
    await waitFor(() => expect(left).toEqual(['/office']));
  });

  it('that fails says so, keeps the address and puts the focus on the password', async () => {
    open('/sign-in', () => refusal(401, 'sign_in_failed'));
    await screen.findByRole('heading', { name: 'Sign in' });
    type(/E-mail address/, 'alex@example.com');
    type(/^Password/, 'wrong');
    press('Sign in');
    await screen.findByRole('alert');
    await waitFor(() => expect(document.activeElement).toBe(field(/^Password/)));
    expect((field(/E-mail address/) as HTMLInputElement).value).toBe('alex@example.com');
    expect(left).toEqual([]);
  });

  it('with empty fields asks nobody', async () => {
    const asked = open('/sign-in', () => answer(200, done));
    await screen.findByRole('heading', { name: 'Sign in' });
    press('Sign in');
    await waitFor(() => expect(document.activeElement).toBe(field(/E-mail address/)));
    expect(asked.filter((a) => a.path.startsWith('/auth'))).toEqual([]);
  });
});

describe('opening an account', () => {
  const fill = async () => {
    await screen.findByLabelText(/Where do you live/);
    type(/E-mail address/, 'alex.weber@example.com');
    type(/Choose a password/, 'Alster-Segel-42');
    press('Continue');
    await screen.findByLabelText(/First name/);
    type(/First name/, 'Alex');
    type(/Last name/, 'Weber');
    type(/Phone/, '٠٤٠ 123456');
    fireEvent.click(screen.getByRole('checkbox', { name: /I have read and accept/ }));
    press('Open account');
  };

  it('takes the country from where one seems to be, agrees to the wording shown, and signs in', async () => {
    const asked = open('/register?pc=NORD24&click=clk_1', (a) => (a.path === '/register' ? answer(201, { client_id: 'cli_1' }) : answer(200, done)));
    await fill();
    await screen.findByRole('heading', { name: /confirm your address/ });
    expect(asked.find((a) => a.path === '/register')?.body).toMatchObject({
      brand: 'northwind',
      country: 'DE',
      language: 'en',
      email: 'alex.weber@example.com',
      phone: '040 123456',
      came: { partner_code: 'NORD24', partner_click: 'clk_1' },
      consents: [
        { kind: 'terms', version: 'aaaa1111', given: true },
        { kind: 'privacy', version: 'bbbb2222', given: true },
        { kind: 'marketing', given: false },
      ],
    });
    press('Go to my account');
    expect(left).toEqual(['/']);
  });

  it('offers only countries that are served', async () => {
    open('/register', () => answer(200));
    const select = await screen.findByLabelText(/Where do you live/);
    expect([...(select as HTMLSelectElement).options].map((o) => o.value)).toEqual(['DE']);
  });

  it('goes back to the step with the field that is wrong', async () => {
    open('/register', () => refusal(409, 'client_exists', '/email'));
    await fill();
    await waitFor(() => expect(field(/E-mail address/).getAttribute('aria-invalid')).toBe('true'));
    await waitFor(() => expect(document.activeElement).toBe(field(/E-mail address/)));
  });

  it('is one registration, however often the button is pressed after a lost answer', async () => {
    const asked = open('/register', (a, n) => {
      if (a.path !== '/register') return answer(200, done);
      if (n === 1) throw new TypeError('lost');
      return answer(201, {});
    });
    await fill();
    await screen.findByText(/is done only once/);
    press('Open account');
    await screen.findByRole('heading', { name: /confirm your address/ });
    const keys = asked.filter((a) => a.path === '/register').map((a) => a.key);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });
});

describe('the links of our mails', () => {
  it('prove an address only after signing in', async () => {
    const asked = open('/verify?token=qdt_1', (a) => (a.path === '/auth/email/verify' ? answer(200, { verified: true }) : answer(200, done)));
    await screen.findByText(/Sign in, and your address is confirmed/);
    expect(asked.some((a) => a.path === '/auth/email/verify')).toBe(false);
    type(/E-mail address/, 'alex@example.com');
    type(/^Password/, 'secret-word');
    press('Sign in');
    await screen.findByRole('heading', { name: 'Your address is confirmed' });
    expect(asked.at(-1)).toMatchObject({ path: '/auth/email/verify', body: { token: 'qdt_1' } });
  });

  it('say so when somebody else is signed in here, and wait for the right one', async () => {
    localStorage.setItem('qd.signed_in', 'client');
    open('/verify?token=qdt_1', (a, n) =>
      a.path === '/auth/email/verify' ? (n === 1 ? refusal(403, 'token_other_login') : answer(200, { verified: true })) : answer(200, done),
    );
    await screen.findByText(/signed in with another account/);
    type(/E-mail address/, 'alex@example.com');
    type(/^Password/, 'secret-word');
    press('Sign in');
    await screen.findByRole('heading', { name: 'Your address is confirmed' });
  });

  it('set a password, then ask to sign in with it', async () => {
    const asked = open('/reset?token=qdt_1', (a) => (a.path.endsWith('/reset') ? answer(204) : answer(200, done)));
    await screen.findByRole('heading', { name: 'Choose a new password' });
    type(/New password/, 'Elbe-Hafen-2026');
    press('Save password');
    await screen.findByText(/Your password is saved/);
    expect(asked.find((a) => a.path.endsWith('/reset'))?.body).toEqual({ token: 'qdt_1', password: 'Elbe-Hafen-2026' });
  });

  it('that are too old say so and offer a new one', async () => {
    open('/reset?token=old', () => refusal(422, 'token_invalid', '/token'));
    await screen.findByRole('heading', { name: 'Choose a new password' });
    type(/New password/, 'Elbe-Hafen-2026');
    press('Save password');
    await screen.findByRole('heading', { name: 'This link no longer works' });
    expect(screen.getByRole('link', { name: 'Ask for a new link' }).getAttribute('href')).toBe('/forgot');
  });
});

describe('the demo', () => {
  it('signs in as anybody with one tap, staff at their own door', async () => {
    const demo = { password: 'harbour', sign_ins: [{ role: 'finance', email: 'farid@example.com', portal: '/office' }] };
    const asked = show(<App where={whereIs({ pathname: '/sign-in', search: '' })} />, (a) =>
      a.path === '/public/boot' ? answer(200, { ...boot, demo }) : answer(200, done),
    );
    fireEvent.click(await screen.findByRole('button', { name: /Finance/ }));
    await waitFor(() => expect(left).toEqual(['/office']));
    expect(asked.at(-1)).toMatchObject({ path: '/auth/staff/sign-in', body: { email: 'farid@example.com', password: 'harbour' } });
  });
});
