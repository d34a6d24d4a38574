// A page for developers only; its words are samples, not texts of the product.
import '@mantine/core/styles/Slider.css';
import { Button, Group, Select, SegmentedControl, Slider, Stack, TextInput, useMantineColorScheme } from '@mantine/core';
import { builtLanguages, changeLanguage, languageOf, useTranslation } from '@qd/i18n';
import { IconCash, IconFileCheck, IconPhone } from '@tabler/icons-react';
import { useState } from 'react';
import {
  ApproveDialog, Card, Cards, Chart, CopyId, Diff, Disabled, DocViewer, Drawer, EmptyState, ErrorState, Figure, fieldText, focusErrors,
  KeyValue, Lots, Masked, Money, MoneyInput, Notice, Page, Price, ReasonDialog, say, setPrefs, ShortcutsDialog, showProblem, StatusChip,
  Steps, Timeline, Upload, useForm, usePrefs, useUndo, Value, Waited, When, Why,
} from '../../src/index';
import { statusKinds } from '../../src/show/vocabulary';
import pdf from '../samples/sample.pdf?url';
import png from '../samples/sample.png?url';
import { Rows } from './Rows';

const now = Date.now() * 1000;
const min = 60_000_000;

export function Gallery() {
  const { i18n } = useTranslation('common');
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { density } = usePrefs();
  const [hue, setHue] = useState(250);
  return (
    <main style={{ blockSize: '100dvh', overflow: 'auto', background: 'var(--qd-bg)' }}>
      <Page
        title="Gallery"
        width="wide"
        actions={
          <Group>
            <Select aria-label="Language" size="xs" data={builtLanguages().map((code) => ({ value: code, label: languageOf(code).name }))} value={i18n.language} onChange={(code) => code && void changeLanguage(code)} />
            <SegmentedControl size="xs" data={['auto', 'light', 'dark']} value={colorScheme} onChange={(v) => setColorScheme(v as 'auto')} />
            <SegmentedControl size="xs" data={['comfortable', 'compact']} value={density} onChange={(v) => setPrefs({ density: v as 'compact' })} />
            <Slider
              w={140}
              min={0}
              max={359}
              value={hue}
              label={(v) => `hue ${v}`}
              thumbLabel="Brand hue"
              onChange={(v) => {
                setHue(v);
                document.documentElement.style.setProperty('--brand-hue', String(v));
              }}
            />
          </Group>
        }
      >
        <Values />
        <States />
        <Progress />
        <Doing />
        <FormCard />
        <Card title="DataTable" flush>
          <Rows />
        </Card>
        <Charts />
        <Files />
        <Statuses />
      </Page>
      <ShortcutsDialog />
    </main>
  );
}

function Values() {
  return (
    <Cards>
      <Card title="Values">
        <KeyValue
          items={[
            { label: 'Money', value: <Money value={{ minor: 123456789, currency: 'EUR' }} /> },
            { label: 'No decimals', value: <Money value={{ minor: 1500000, currency: 'JPY' }} /> },
            { label: 'Three decimals', value: <Money value={{ minor: -1234567, currency: 'KWD' }} tone /> },
            { label: 'Gain', value: <Money value={{ minor: 45600, currency: 'USD' }} tone /> },
            { label: 'Estimate', value: <Money value={{ minor: 45600, currency: 'USD' }} estimate="EUR/USD 1.0834, 14:00 UTC" /> },
            { label: 'Lots', value: <Lots value="12.5" /> },
            { label: 'Price', value: <Price value="1.08345" /> },
            { label: 'Covered', value: <Masked mask="contact" /> },
            { label: 'Name', value: <Value>Maya L.</Value> },
            { label: 'Id', value: <CopyId id="cli_01M7SM56RRKE3JDYESR5R9YSS2" /> },
            { label: 'When', value: <When us={now - 3 * min} /> },
            { label: 'Full', value: <When us={now - 3000 * min} as="full" /> },
            { label: 'Waited', value: <Waited seconds={9_000} limit={3_600} /> },
            { label: 'Empty', value: null },
          ]}
        />
      </Card>
      <Card title="Figures, why, diff">
        <Cards min="8rem">
          <Figure label="Equity" value={<Money value={{ minor: 1023400, currency: 'EUR' }} />} note="on 2 accounts" />
          <Figure label="Deals" value="1,204" note="this month" />
        </Cards>
        <Why
          nodes={[
            {
              key: 'a',
              label: 'Commission',
              value: <Money value={{ minor: 1250, currency: 'USD' }} />,
              children: [
                { key: 'b', label: 'Volume', value: <Lots value="2.5" />, note: 'deal 482311, EURUSD' },
                { key: 'c', label: 'Rate per lot', value: <Money value={{ minor: 500, currency: 'USD' }} />, note: 'plan "Standard IB", version 4', children: [{ key: 'd', label: 'Rule', value: 'fx.majors' }] },
              ],
            },
          ]}
        />
        <Diff before={{ phone: '+49 30 1', address: { city: 'Berlin' } }} after={{ phone: '+49 30 2', address: { city: 'Bonn' } }} />
      </Card>
    </Cards>
  );
}

function States() {
  return (
    <Cards>
      <Card title="Empty: first use">
        <EmptyState action={<Button>Create</Button>} />
      </Card>
      <Card title="Empty: no match">
        <EmptyState kind="filtered" onResetFilters={() => {}} />
      </Card>
      <Card title="Queue done">
        <EmptyState kind="done" />
      </Card>
      <Card title="Error">
        <ErrorState error={{ kind: 'problem', code: 'psp_down', status: 503, outcome: 'not_done', reference: 'req_7F3K2' }} write onRetry={() => {}} />
      </Card>
      <Card title="Notices">
        <Notice>A fact.</Notice>
        <Notice tone="good" title="Done" />
        <Notice tone="warn" title="Look at this">
          It may matter.
        </Notice>
        <Notice tone="bad">It did not work.</Notice>
      </Card>
    </Cards>
  );
}

function Progress() {
  return (
    <Cards>
      <Card title="Steps (client)">
        <Steps
          audience="client"
          steps={[
            { key: 'deposit.requested', state: 'done', at_us: now - 20 * min },
            { key: 'deposit.confirmed_by_provider', state: 'done', at_us: now - 18 * min },
            { key: 'deposit.in_wallet', state: 'current', expected_s: 120, waiting_for: 'platform' },
            { key: 'deposit.on_trading_account', state: 'waiting' },
          ]}
        />
      </Card>
      <Card title="Steps (verification)">
        <Steps
          steps={[
            { key: 'profile', state: 'done', at_us: now - 3000 * min },
            { key: 'document.identity', state: 'attention', missing: ['document.identity.back'] },
            { key: 'review', state: 'todo' },
          ]}
        />
      </Card>
      <Card title="Timeline">
        <Timeline
          items={[
            { id: 'a', at_us: now - 5 * min, icon: <IconCash size={15} />, tone: 'good', title: 'Deposit booked', by: 'Stripe', body: <Money value={{ minor: 50000, currency: 'EUR' }} /> },
            { id: 'b', at_us: now - 90 * min, icon: <IconFileCheck size={15} />, tone: 'info', title: 'Verification approved', by: 'Clara Stein' },
            { id: 'c', at_us: now - 3000 * min, icon: <IconPhone size={15} />, title: 'Call (out, reached)', by: 'Lena Vogt', body: 'Asked about leverage.' },
          ]}
        />
      </Card>
    </Cards>
  );
}

function Doing() {
  const [open, setOpen] = useState<'reason' | 'approve' | 'own' | 'drawer' | null>(null);
  const undo = useUndo();
  const close = () => setOpen(null);
  const facts = <KeyValue items={[{ label: 'Amount', value: <Money value={{ minor: 1250000, currency: 'EUR' }} strong /> }, { label: 'To', value: 'DE89 •••• 4321' }]} />;
  return (
    <Card title="Doing">
      <Group>
        <Button onClick={() => setOpen('approve')}>Approve</Button>
        <Button variant="default" onClick={() => setOpen('own')}>
          Own second yes
        </Button>
        <Button color="red" variant="light" onClick={() => setOpen('reason')}>
          Reject
        </Button>
        <Button variant="default" onClick={() => setOpen('drawer')}>
          Drawer
        </Button>
        <Disabled why="Only finance can do this.">
          <Button>Disabled</Button>
        </Disabled>
        <Button variant="default" onClick={() => undo('Tag removed', () => say('Back again'))}>
          Undo
        </Button>
      </Group>
      <ReasonDialog
        opened={open === 'reason'}
        onClose={close}
        title="Reject this document"
        text="The client is told, and asked for a new one."
        reasons={[{ value: 'a', label: 'Blurred' }, { value: 'b', label: 'Expired' }]}
        confirm="Reject"
        danger
        typed="EUR 500.00"
        onConfirm={close}
      />
      <ApproveDialog
        opened={open === 'approve' || open === 'own'}
        onClose={close}
        title="Withdrawal of Lukas Brenner"
        facts={facts}
        needed={2}
        me={open === 'own' ? 'stf_1' : 'stf_2'}
        votes={[{ by_id: 'stf_1', by: 'Farid Aziz', at_us: now - 25 * min, decision: 'approve', note: 'Same bank as the deposit.', saw: facts }]}
        typed={{ minor: 1250000, currency: 'EUR' }}
        refuseReasons={[{ value: 'a', label: 'Details do not fit' }]}
        onApprove={close}
        onRefuse={close}
      />
      <Drawer opened={open === 'drawer'} onClose={close} title="Lukas Brenner" aside={<StatusChip kind="stage" value="funded" />} onNext={() => {}} onPrevious={null} onFullPage={() => {}} footer={<Button>Save</Button>}>
        {facts}
      </Drawer>
    </Card>
  );
}

function FormCard() {
  const form = useForm({ mode: 'uncontrolled', initialValues: { email: '', note: '' }, validate: { email: (v: string) => (v ? null : fieldText('missing')) } });
  const [above, setAbove] = useState<string | null>(null);
  const [amount, setAmount] = useState<number | null>(50000);
  return (
    <Card title="Form">
      <form
        noValidate
        onSubmit={form.onSubmit(
          () => setAbove(showProblem(form, { code: 'client_exists', status: 409, fields: [{ pointer: '/email', code: 'email_taken' }] })),
          focusErrors(form),
        )}
      >
        <Stack maw="24rem">
          {above && <Notice tone="bad">{above}</Notice>}
          <TextInput label="E-mail" required key={form.key('email')} {...form.getInputProps('email')} />
          <MoneyInput label="Amount" currency="EUR" value={amount} onChange={setAmount} description={`${amount ?? 'no'} minor units`} />
          <Button type="submit">Send</Button>
        </Stack>
      </form>
    </Card>
  );
}

function Charts() {
  const x = Array.from({ length: 40 }, (_, i) => now - (40 - i) * 86_400_000_000);
  return (
    <Cards min="24rem">
      <Card title="Chart">
        <Chart label="Equity and balance over forty days" x={x} series={[{ label: 'Equity', values: x.map((_, i) => 100 + 20 * Math.sin(i / 4) + i), kind: 'area' }, { label: 'Balance', values: x.map((_, i) => 100 + i), tone: 'idle' }]} />
      </Card>
      <Card title="Bars">
        <Chart label="Deposits by day" x={x} series={[{ label: 'Deposits', values: x.map((_, i) => (i * 7) % 23), kind: 'bars' }]} />
      </Card>
    </Cards>
  );
}

function Files() {
  return (
    <Cards min="22rem">
      <Card title="Upload">
        <Upload
          label="Identity document, front"
          hint="All four corners in view."
          camera="environment"
          send={async (_file, onProgress) => {
            for (const share of [0.3, 0.7, 1]) {
              onProgress(share);
              await new Promise((go) => setTimeout(go, 400));
            }
          }}
          onDone={() => say('Sent')}
        />
      </Card>
      <Card title="Document">
        <DocViewer src={png} mime="image/png" name="Sample picture" downloadable />
      </Card>
      <Card title="PDF">
        <DocViewer src={pdf} mime="application/pdf" name="Sample PDF" />
      </Card>
    </Cards>
  );
}

function Statuses() {
  return (
    <Card title="One vocabulary">
      <KeyValue
        items={Object.entries(statusKinds).map(([kind, values]) => ({
          label: <code>{kind}</code>,
          value: (
            <Group gap={6}>
              {Object.keys(values).map((value) => (
                <StatusChip key={value} kind={kind} value={value} />
              ))}
            </Group>
          ),
        }))}
      />
    </Card>
  );
}
