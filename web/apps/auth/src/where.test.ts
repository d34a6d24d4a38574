import { describe, expect, it } from 'vitest';
import { rememberCame } from './came';
import { home, link, whereIs } from './where';

const at = (address: string) => {
  const url = new URL(address, 'https://trade.example');
  return whereIs(url);
};

describe('an address', () => {
  it('says which page and which door', () => {
    expect(at('/sign-in')).toMatchObject({ page: 'sign-in', staff: false, partner: false });
    expect(at('/office/sign-in?next=%2Foffice%2Fkyc')).toMatchObject({ page: 'sign-in', staff: true, next: '/office/kyc' });
    expect(at('/partner/register')).toMatchObject({ page: 'register', partner: true });
    expect(at('/reset?token=qdt_1')).toMatchObject({ page: 'reset', token: 'qdt_1', staff: false });
    expect(at('/invite?token=qdt_1')).toMatchObject({ page: 'invite', staff: true });
    expect(at('/anything')).toMatchObject({ page: 'sign-in' });
  });

  it('never leads out of the house', () => {
    expect(at('/sign-in?next=https%3A%2F%2Fevil.example').next).toBeNull();
  });

  it('keeps the door and the way back from page to page', () => {
    expect(link(at('/office/sign-in?next=%2Foffice%2Fkyc'), 'forgot')).toBe('/office/forgot?next=%2Foffice%2Fkyc');
    expect(link(at('/partner/sign-in'), 'register')).toBe('/partner/register');
    expect([home(at('/sign-in')), home(at('/partner/sign-in')), home(at('/office/sign-in'))]).toEqual(['/', '/partner', '/office']);
  });
});

describe('how somebody came', () => {
  const visit = (address: string, referrer = '') => {
    const url = new URL(address, 'https://trade.example');
    return rememberCame(whereIs(url), referrer, 'de');
  };

  it('is kept from the first page on, and a newer campaign takes its place', () => {
    sessionStorage.clear();
    const first = visit('/register?utm_source=google&utm_campaign=herbst&pc=NORD24', 'https://search.example/?q=x');
    expect(first).toMatchObject({ utm_source: 'google', utm_campaign: 'herbst', partner_code: 'NORD24', landing_page: '/register', referrer: 'https://search.example/?q=x' });
    expect(visit('/register', `${location.origin}/sign-in`)).toEqual(first);
    expect(visit('/register?utm_source=mail')).toMatchObject({ utm_source: 'mail' });
  });
  it('names the click of a partner’s link, after a reload and on the next page as well', () => {
    sessionStorage.clear();
    const first = visit('/register?pc=NORD24&click=clk_1');
    expect(first).toMatchObject({ partner_code: 'NORD24', partner_click: 'clk_1' });
    expect(visit('/register')).toEqual(first);
    expect(visit('/sign-in?pc=NORD24&click=clk_2')).toMatchObject({ partner_click: 'clk_2' });
  });

  it('finds the marks in the address somebody was on the way to', () => {
    sessionStorage.clear();
    expect(visit(`/sign-in?next=${encodeURIComponent('/start?pc=NORD24&click=clk_3')}`)).toMatchObject({ landing_page: '/start', partner_code: 'NORD24', partner_click: 'clk_3' });
  });
});
