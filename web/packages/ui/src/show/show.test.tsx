import { fireEvent, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { setPrefs } from '../provider/prefs';
import { ErrorState } from '../state/ErrorState';
import { renderScreen } from '../test/render';
import { CopyId, shortId } from './CopyId';
import { Diff } from './Diff';
import { Value } from './Masked';
import { Money } from './Money';
import { StatusChip } from './StatusChip';
import { Steps } from './Steps';
import { When, ZoneProvider } from './When';

const us = Date.parse('2026-11-20T14:03:11Z') * 1000;

describe('what is shown', () => {
  it('gives a state one word for staff and a friendlier one for the client', async () => {
    await renderScreen(
      <>
        <StatusChip kind="withdrawal" value="deciding" />
        <StatusChip kind="withdrawal" value="deciding" audience="client" />
        <StatusChip kind="withdrawal" value="brand_new_state" />
      </>,
    );
    expect(screen.getByText('Rules decide')).toBeTruthy();
    expect(screen.getByText('Being checked')).toBeTruthy();
    expect(screen.getByText('Brand new state')).toBeTruthy();
  });

  it('shows a covered value as covered, with the reason, and never as zero', async () => {
    await renderScreen(
      <>
        <Money value={{ minor: '•••' as never, currency: 'EUR' }} />
        <Value mask="contact">•••</Value>
      </>,
    );
    expect(screen.getAllByLabelText('Your role does not see this value.')).toHaveLength(2);
  });

  it('writes times in the chosen zone and names it', async () => {
    setPrefs({ zone: 'client' });
    const shown = await renderScreen(
      <ZoneProvider client="Asia/Dubai">
        <When us={us} as="full" />
      </ZoneProvider>,
    );
    expect(shown.container.querySelector('time')?.textContent).toMatch(/18:03:11.*GMT\+4/);
    expect(shown.container.querySelector('time')?.getAttribute('dateTime')).toBe('2026-11-20T14:03:11.000Z');
    setPrefs({ zone: 'utc' });
    expect((await screen.findByText(/14:03:11 UTC/)).tagName).toBe('TIME');
    setPrefs({ zone: 'mine' });
  });

  it('keeps the prefix and the end of an id, and copies all of it', async () => {
    expect(shortId('cli_01M7SM56RRKE3JDYESR5R9YSS2')).toBe('cli_…9YSS2');
    expect(shortId('700123')).toBe('700123');
    let copied = '';
    Object.defineProperty(navigator, 'clipboard', { configurable: true, value: { writeText: async (text: string) => void (copied = text) } });
    await renderScreen(<CopyId id="cli_01M7SM56RRKE3JDYESR5R9YSS2" />);
    fireEvent.click(screen.getByRole('button'));
    await screen.findByRole('button');
    expect(copied).toBe('cli_01M7SM56RRKE3JDYESR5R9YSS2');
  });

  it('says what changed and leaves out what stayed', async () => {
    await renderScreen(<Diff before={{ phone: '1', address: { city: 'Berlin', street: 'A' } }} after={{ phone: '2', address: { city: 'Berlin', street: 'B' } }} />);
    expect(screen.getByText('Phone')).toBeTruthy();
    expect(screen.getByText('Street')).toBeTruthy();
    expect(screen.queryByText('City')).toBeNull();
  });

  it('says where money is, what that takes and who has to act', async () => {
    await renderScreen(
      <Steps
        steps={[
          { key: 'withdrawal.requested', state: 'done', at_us: us },
          { key: 'withdrawal.approved', state: 'current', expected_s: 7200, waiting_for: 'finance' },
          { key: 'withdrawal.paid', state: 'waiting' },
        ]}
      />,
    );
    expect(screen.getByRole('listitem', { current: 'step' }).textContent).toContain('Waits for finance · usually 2 hr');
  });

  it('says in German and Arabic what was not done and what to quote', async () => {
    const error = { code: 'psp_down', status: 503, outcome: 'not_done', reference: 'req_7' } as const;
    const german = await renderScreen(<ErrorState error={error} write />, { lang: 'de' });
    expect(screen.getByRole('alert').textContent).toMatch(/Zahlungsanbieter.*Es wurde nichts ausgeführt.*req_7/);
    german.unmount();
    await renderScreen(<ErrorState error={{ code: 'newer_than_us', status: 409 }} />, { lang: 'ar' });
    expect(document.documentElement.dir).toBe('rtl');
    expect(screen.getByRole('alert').textContent).toContain('تغيّر الأمر');
  });
});
