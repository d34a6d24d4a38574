import { TextInput } from '@mantine/core';
import { fireEvent, screen, waitFor } from '@testing-library/react';
import { useState } from 'react';
import { describe, expect, it, vi } from 'vitest';
import { renderScreen } from '../test/render';
import { Disabled } from './Disabled';
import { showProblem, useForm } from './form';
import { MoneyInput } from './MoneyInput';

function Sample({ error }: { error: unknown }) {
  const form = useForm({ mode: 'uncontrolled', initialValues: { email: '', amount: '', note: '' } });
  const [above, setAbove] = useState<string | null>('nothing');
  return (
    <form onSubmit={form.onSubmit(() => setAbove(showProblem(form, error)))}>
      <output>{above ?? 'all found'}</output>
      <TextInput label="Note" key={form.key('note')} {...form.getInputProps('note')} />
      <TextInput label="Amount" key={form.key('amount')} {...form.getInputProps('amount')} />
      <TextInput label="E-mail" key={form.key('email')} {...form.getInputProps('email')} />
      <button type="submit">Send</button>
    </form>
  );
}

describe('a form that the server refused', () => {
  it('shows each problem at its field, in our words, and goes to the first', async () => {
    await renderScreen(<Sample error={{ code: 'email_taken', status: 422, fields: [{ pointer: '/email', code: 'email_taken' }, { pointer: '/amount/minor', code: 'amount_limit' }] }} />);
    fireEvent.click(screen.getByText('Send'));
    await waitFor(() => expect(screen.getByText('This address is in use already.')).toBeTruthy());
    expect(screen.getByText('The amount is outside the limits.')).toBeTruthy();
    expect(document.activeElement).toBe(screen.getByLabelText('Amount'));
    expect(screen.getByRole('status').textContent).toBe('all found');
  });

  it('says above the form what has no field', async () => {
    await renderScreen(<Sample error={{ code: 'withdrawals_stopped', status: 409, fields: [] }} />);
    fireEvent.click(screen.getByText('Send'));
    await waitFor(() => expect(screen.getByRole('status').textContent).toBe('Withdrawals are stopped for the moment.'));
  });
});

function Amount({ onChange }: { onChange: (minor: number | null) => void }) {
  const [minor, setMinor] = useState<number | null>(null);
  return (
    <MoneyInput
      label="Amount"
      currency="EUR"
      value={minor}
      onChange={(next) => {
        setMinor(next);
        onChange(next);
      }}
    />
  );
}

describe('an amount field', () => {
  it('gives minor units while typing and tidies the text on leaving', async () => {
    const onChange = vi.fn();
    await renderScreen(<Amount onChange={onChange} />);
    const field = screen.getByLabelText('Amount') as HTMLInputElement;
    fireEvent.change(field, { target: { value: '1234,5' } });
    expect(onChange).toHaveBeenLastCalledWith(123450);
    fireEvent.blur(field);
    expect(field.value).toBe('1,234.50');
    fireEvent.change(field, { target: { value: '12x' } });
    expect(onChange).toHaveBeenLastCalledWith(null);
    expect(field.value).toBe('12x');
  });
});

describe('what is not possible', () => {
  it('says why and does nothing', async () => {
    const act = vi.fn();
    await renderScreen(
      <Disabled why="Only finance can do this.">
        <button type="button" onClick={act}>
          Pay
        </button>
      </Disabled>,
    );
    const button = screen.getByText('Pay');
    fireEvent.click(button);
    expect(act).not.toHaveBeenCalled();
    expect(document.getElementById(button.getAttribute('aria-describedby') ?? '')?.textContent).toBe('Only finance can do this.');
  });
});
