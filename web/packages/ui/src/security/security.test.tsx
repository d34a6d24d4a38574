import { useWrite } from '@qd/api';
import { cleanup, fireEvent, screen, waitFor } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';
import { deviceName } from './device';
import { EnrolSecondFactor } from './EnrolSecondFactor';
import { StepUpProvider } from './StepUp';
import { answer, refusal, show } from './test/show';
import { latinDigits } from './useFields';

afterEach(cleanup);

const me = (second_factor: boolean) =>
  answer(200, { kind: 'staff', id: 'stf_1', name: 'Mara', roles: [], entities: [], rights: {}, sees: [], second_factor, recovery_codes_left: 3, must_change_password: false });

function Approve() {
  const approve = useWrite('post', '/api/v1/withdrawals/{id}/approve');
  return (
    <>
      <button type="button" onClick={() => approve.submit({ path: { id: 'wdr_1' }, body: { version: 1 } as never })}>
        Approve
      </button>
      <output>{approve.done ? 'approved' : (approve.error?.code ?? 'nothing')}</output>
    </>
  );
}

const type = (label: RegExp, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });

describe('a fresh proof', () => {
  const open = (second: boolean, stepUp: (n: number) => Response) => {
    let proven = false;
    const asked = show(
      <StepUpProvider>
        <Approve />
      </StepUpProvider>,
      (a, n) => {
        if (a.path === '/auth/me') return me(second);
        if (a.path === '/auth/step-up') {
          const r = stepUp(n);
          proven = r.ok;
          return r;
        }
        return proven ? answer(200, {}) : refusal(403, 'step_up_required');
      },
    );
    fireEvent.click(screen.getByText('Approve'));
    return asked;
  };

  it('is asked for where it is needed, and what was meant is done with the same key', async () => {
    const asked = open(true, () => answer(200, { step_up_until_us: 1 }));
    await screen.findByRole('dialog');
    await screen.findByLabelText(/authenticator app/);
    type(/authenticator app/, '٤٩٢ ٠٣٩');
    fireEvent.click(screen.getByRole('button', { name: 'Confirm' }));
    await screen.findByText('approved');
    expect(asked.find((a) => a.path === '/auth/step-up')?.body).toEqual({ code: '492 039' });
    const tries = asked.filter((a) => a.path.endsWith('/approve'));
    expect(tries).toHaveLength(2);
    expect(tries[0]?.key).toBe(tries[1]?.key);
  });

  it('is the password for who has no second factor; a wrong one is said at the field', async () => {
    open(false, (n) => (n === 1 ? refusal(422, 'password_wrong', '/password') : answer(200, { step_up_until_us: 1 })));
    const field = await screen.findByLabelText(/Your password/);
    fireEvent.change(field, { target: { value: 'wrong' } });
    fireEvent.click(screen.getByRole('button', { name: 'Confirm' }));
    await waitFor(() => expect(screen.getByLabelText(/Your password/).getAttribute('aria-invalid')).toBe('true'));
    expect(document.activeElement).toBe(screen.getByLabelText(/Your password/));
    type(/Your password/, 'right');
    fireEvent.click(screen.getByRole('button', { name: 'Confirm' }));
    await screen.findByText('approved');
  });

  it('that is not given leaves everything undone', async () => {
    const asked = open(false, () => answer(200, {}));
    fireEvent.click(await screen.findByRole('button', { name: 'Cancel' }));
    await screen.findByText('step_up_declined');
    expect(asked.filter((a) => a.path.endsWith('/approve'))).toHaveLength(1);
  });
});

describe('setting up the authenticator app', () => {
  it('shows the key once as a picture and as text, and the recovery codes until they are kept', async () => {
    let done = false;
    const asked = show(<EnrolSecondFactor onDone={() => (done = true)} />, (a) =>
      a.path.endsWith('/enrol')
        ? answer(200, { secret: 'JBSWY3DPEHPK3PXP', url: 'otpauth://totp/Q:m@example.com?secret=JBSWY3DPEHPK3PXP' })
        : answer(200, { recovery_codes: ['7K3M-Q0XA', '9TZR-0001'] }),
    );
    await screen.findByRole('img');
    expect(screen.getByText(/JBSW Y3DP/)).toBeTruthy();
    type(/your app shows now/, '123456');
    fireEvent.click(screen.getByRole('button', { name: 'Confirm code' }));
    await screen.findByText('7K3M-Q0XA');
    const finish = screen.getByRole('button', { name: 'Done' });
    fireEvent.click(finish);
    expect(done).toBe(false);
    fireEvent.click(screen.getByRole('checkbox'));
    fireEvent.click(finish);
    expect(done).toBe(true);
    expect(asked.filter((a) => a.path.endsWith('/enrol'))).toHaveLength(1);
  });
});

describe('small things', () => {
  it('digits of other scripts are read as digits', () => {
    expect(latinDigits('٠٥٠ ۱۲۳ ४५')).toBe('050 123 45');
    expect(latinDigits('7K3M-Q0XA')).toBe('7K3M-Q0XA');
  });

  it('a browser goes by its name and system', () => {
    expect(deviceName('Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1')).toEqual({
      browser: 'Safari',
      system: 'iOS',
    });
    expect(deviceName('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36 Edg/141.0')).toEqual({ browser: 'Edge', system: 'Windows' });
    expect(deviceName('quarterdeck story')).toBeNull();
  });
});
