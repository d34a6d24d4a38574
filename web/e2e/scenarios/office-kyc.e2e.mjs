// A reviewer's day: documents read beside what was typed, differences said, one document sent back, one case approved.
import { test } from 'node:test';
import { look, page, visitor } from '../lib/browser.mjs';
import { api, applied, claimCase, compliance } from '../lib/clients.mjs';

const field = (p, name) => p.getByRole('textbox', { name, exact: true });

test('a difference stands side by side, is accepted with a reason, and the case is approved', async () => {
  const client = await visitor();
  const email = await applied(client, 'review');
  const desk = await compliance();
  const id = await claimCase(desk, email);
  const p = await page(desk, `/office/kyc/${id}`);
  await p.getByRole('heading', { name: 'Alex Weber', level: 1 }).waitFor();
  // The passport says another day of birth.
  await field(p, 'Name').fill('Alex Weber');
  await field(p, 'Date of birth').fill('1990-05-18');
  await field(p, 'Nationality').fill('DE');
  await field(p, 'Number').fill('C01X00T47');
  await field(p, 'Expires on').fill('2034-05-16');
  await p.getByRole('button', { name: 'Save and compare' }).click();
  const row = p.getByRole('row', { name: /Date of birth/ });
  await row.getByText('1990-05-17').waitFor();
  await row.getByText('1990-05-18').waitFor();
  await look(p, 'kyc-mismatch');
  await row.getByRole('textbox').fill('Typing slip, seen in the passport.');
  await p.getByRole('button', { name: 'Accept the document' }).click();
  await p.getByRole('button', { name: /Passport/ }).getByText('Accepted').waitFor();

  await p.getByRole('button', { name: /Utility bill/ }).click();
  await field(p, 'Name').fill('Alex Weber');
  await field(p, 'Issued on').fill(new Date(Date.now() - 20 * 86_400_000).toISOString().slice(0, 10));
  await p.getByRole('button', { name: 'Save and compare' }).click();
  await p.getByRole('button', { name: 'Save and compare' }).waitFor({ state: 'detached' });
  await p.keyboard.press('Escape');
  await p.getByRole('button', { name: 'Accept the document' }).click();
  await p.getByRole('button', { name: /Utility bill/ }).getByText('Accepted').waitFor();

  await p.getByRole('button', { name: 'Approve', exact: true }).click();
  const dialog = p.getByRole('dialog', { name: 'Approve the verification' });
  await dialog.getByLabel('Why?').fill('Passport and bill match.');
  await dialog.getByRole('button', { name: 'Approve' }).click();
  // On to the next case, or the queue.
  await p.waitForURL((u) => !u.pathname.endsWith(id));
  await p.goto(`/office/kyc/${id}`);
  await p.getByText('Approved by Clara Stein').waitFor();
  await client.close();
  await desk.close();
});

test('a blurred document goes back with the words the client will read', async () => {
  const client = await visitor();
  const email = await applied(client, 'blurred');
  const desk = await compliance();
  const id = await claimCase(desk, email);
  const p = await page(desk, `/office/kyc/${id}`);
  await p.getByRole('heading', { name: 'Alex Weber', level: 1 }).waitFor();
  await p.getByRole('button', { name: 'Reject the document' }).click();
  const dialog = p.getByRole('dialog', { name: 'Reject: Passport' });
  await dialog.getByRole('combobox', { name: 'Reason' }).click();
  await p.getByRole('option', { name: 'Blurred or too dark' }).click();
  await dialog.getByText('The picture is blurred or too dark.').waitFor();
  await look(p, 'kyc-reject-document');
  await dialog.getByRole('button', { name: 'Reject the document' }).click();
  await dialog.waitFor({ state: 'detached' });
  await p.getByRole('button', { name: 'Ask again' }).click();
  const again = p.getByRole('dialog', { name: 'Ask again' });
  await again.getByLabel('Why?').fill('Passport cannot be read.');
  await again.getByRole('button', { name: 'Ask again' }).click();
  await p.waitForURL((u) => !u.pathname.endsWith(id));
  const mine = await api(client)('get', '/me/kyc');
  const passport = (mine.documents ?? []).find((d) => d.requirement === 'identity');
  if (passport?.state !== 'rejected') throw new Error(`the client sees the passport as ${passport?.state}`);
  await client.close();
  await desk.close();
});
