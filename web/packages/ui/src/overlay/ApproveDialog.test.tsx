import { fireEvent, screen } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { renderScreen } from '../test/render';
import { ApproveDialog, type ApproveDialogProps } from './ApproveDialog';
import { ReasonDialog } from './ReasonDialog';

const base: ApproveDialogProps = {
  opened: true, onClose: () => {}, title: 'Withdrawal', facts: 'EUR 12,500.00 to DE89', needed: 2, me: 'stf_2',
  votes: [{ by_id: 'stf_1', by: 'Farid Aziz', at_us: 1_795_000_000_000_000, decision: 'approve', note: 'Same bank.', saw: 'What was on the screen' }],
  onApprove: () => {},
};

describe('the two-person rule', () => {
  it('shows who said yes, why and on what evidence', async () => {
    await renderScreen(<ApproveDialog {...base} />);
    const dialog = screen.getByRole('dialog', { name: 'Withdrawal' });
    expect(dialog.textContent).toContain('Farid Aziz approved');
    expect(dialog.textContent).toContain('Same bank.');
    expect(dialog.textContent).toContain('What was on the screen');
    expect(dialog.textContent).toContain('1 of 2 approvals');
  });

  it('does not take a second yes from the same person, and says so', async () => {
    const onApprove = vi.fn();
    await renderScreen(<ApproveDialog {...base} me="stf_1" onApprove={onApprove} />);
    const button = screen.getByRole('button', { name: 'Give approval 2 of 2' });
    fireEvent.click(button);
    expect(onApprove).not.toHaveBeenCalled();
    expect(button.getAttribute('aria-disabled')).toBe('true');
    const why = document.getElementById(button.getAttribute('aria-describedby') ?? '');
    expect(why?.textContent).toContain('Another person must give the next one');
  });

  it('does not take a yes from whoever asked for it', async () => {
    const onApprove = vi.fn();
    await renderScreen(<ApproveDialog {...base} votes={[]} requestedBy="stf_2" onApprove={onApprove} />);
    fireEvent.click(screen.getByRole('button', { name: 'Give approval 1 of 2' }));
    expect(onApprove).not.toHaveBeenCalled();
    expect(screen.getAllByText(/You asked for this yourself/).length).toBeGreaterThan(0);
  });

  it('wants the amount typed when money is decided', async () => {
    const onApprove = vi.fn();
    await renderScreen(<ApproveDialog {...base} typed={{ minor: 1_250_000, currency: 'EUR' }} onApprove={onApprove} />);
    const field = screen.getByLabelText(/Type the amount/);
    fireEvent.change(field, { target: { value: '1250' } });
    fireEvent.click(screen.getByRole('button', { name: 'Give approval 2 of 2' }));
    expect(onApprove).not.toHaveBeenCalled();
    expect(screen.getByText('That is not the amount.')).toBeTruthy();
    fireEvent.change(field, { target: { value: '12,500.00' } });
    fireEvent.click(screen.getByRole('button', { name: 'Give approval 2 of 2' }));
    expect(onApprove).toHaveBeenCalledWith({ code: '', note: '' });
  });

  it('takes no refusal without a reason', async () => {
    const onRefuse = vi.fn();
    await renderScreen(<ApproveDialog {...base} onRefuse={onRefuse} />);
    fireEvent.click(screen.getByRole('button', { name: 'Refuse' }));
    fireEvent.click(screen.getByRole('button', { name: 'Refuse now' }));
    expect(onRefuse).not.toHaveBeenCalled();
    fireEvent.change(screen.getByLabelText(/Why\?/), { target: { value: 'Other account holder' } });
    fireEvent.click(screen.getByRole('button', { name: 'Refuse now' }));
    expect(onRefuse).toHaveBeenCalledWith({ code: '', note: 'Other account holder' });
  });
});

describe('a reason', () => {
  it('is asked for before it is done, and a typed word where it is final', async () => {
    const onConfirm = vi.fn();
    await renderScreen(<ReasonDialog opened onClose={() => {}} title="Close the account" confirm="Close it" typed="700123" onConfirm={onConfirm} />);
    const go = screen.getByRole('button', { name: 'Close it' });
    fireEvent.click(go);
    expect(onConfirm).not.toHaveBeenCalled();
    fireEvent.change(screen.getByLabelText(/Why\?/), { target: { value: 'Asked for by the client' } });
    fireEvent.change(screen.getByLabelText(/Type 700123/), { target: { value: '700 123' } });
    fireEvent.click(go);
    expect(onConfirm).toHaveBeenCalledWith({ code: '', note: 'Asked for by the client' });
  });
});
