import { Button, Stack, Textarea, TextInput } from '@mantine/core';
import { useCursorPages, useWrite, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, DataTable, Drawer, errorText, fieldText, focusErrors, FormDialog, KeyValue, Notice, CopyId, Page, say, showProblem, StatusChip, useForm, usePeek, useSearchState, When, type Column } from '@qd/ui';
import { useMemo, useState } from 'react';

type Claim = Row<'/api/v1/me/partner/claims'>;
const idOf = (c: Claim): string => c.id;

/** Clients who should be mine and are not: what I wrote, and what was decided. */
export function ClaimsPage() {
  const { t } = useTranslation(['partner-tools', 'partner', 'common']);
  const [search, set] = useSearchState();
  const list = useCursorPages('/api/v1/me/partner/claims', { query: { limit: 50 } }, { live: 'refetch' });
  const withdraw = useWrite('post', '/api/v1/me/partner/claims/{id}/withdraw');
  const rows = list.rows as readonly Claim[];
  const ids = useMemo(() => rows.map(idOf), [rows]);
  const peek = usePeek(ids);
  const columns = useMemo<readonly Column<Claim>[]>(
    () => [
      { id: 'named', header: t('partner-tools:claim.client'), width: 240, fixed: true, cell: (c) => <bdi dir="auto">{c.named}</bdi> },
      { id: 'state', header: t('partner-tools:claim.state'), width: 150, card: 'side', cell: (c) => <StatusChip kind="claim" value={c.state} /> },
      { id: 'filed', header: t('partner-tools:claim.filed'), width: 150, cell: (c) => <When us={c.filed_at_us} /> },
      { id: 'decided', header: t('partner-tools:claim.decided'), width: 150, cell: (c) => <When us={c.decided_at_us} /> },
      { id: 'from', header: t('partner-tools:claim.from'), width: 150, cell: (c) => <When us={c.from_us} as="date" /> },
    ],
    [t],
  );
  const open = rows.find((c) => c.id === peek.id);
  const back = async (id: string) => {
    try {
      await withdraw.run({ path: { id } });
      say(t('partner-tools:claim.withdrawn'));
      void list.refetch();
    } catch {
      // Told in the panel.
    }
  };
  return (
    <Page title={t('partner-tools:claim.title')} text={t('partner-tools:claim.text')} crumbs={[{ label: t('partner:nav.clients'), to: '/clients' }]} actions={<Button onClick={() => set({ add: '1' })}>{t('partner-tools:claim.add')}</Button>}>
      <DataTable
        id="claims"
        inline
        label={t('partner-tools:claim.title')}
        columns={columns}
        rows={rows}
        rowId={idOf}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        hasMore={list.hasMore}
        loadingMore={list.loadingMore}
        onOpen={(c) => peek.open(c.id)}
        opened={peek.id}
        empty={{ title: t('partner-tools:claim.none'), text: t('partner-tools:claim.noneText'), action: <Button onClick={() => set({ add: '1' })}>{t('partner-tools:claim.add')}</Button> }}
      />
      <Drawer
        opened={!!open}
        onClose={peek.close}
        onPrevious={peek.previous}
        onNext={peek.next}
        title={open ? <bdi dir="auto">{open.named}</bdi> : ''}
        aside={open ? <StatusChip kind="claim" value={open.state} /> : undefined}
        footer={open?.state === 'open' ? <Button variant="default" loading={withdraw.busy} onClick={() => void back(open.id)}>{t('partner-tools:claim.withdraw')}</Button> : undefined}
      >
        {open && (
          <Stack>
            {withdraw.error && <Notice tone="bad">{errorText(withdraw.error)}</Notice>}
            {open.reason && <Notice tone={open.state === 'accepted' ? 'good' : 'info'} title={t('partner-tools:claim.reason')}><bdi dir="auto">{open.reason}</bdi></Notice>}
            <Card title={t('partner-tools:claim.evidence')}>
              <p dir="auto" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{open.evidence}</p>
            </Card>
            <KeyValue
              items={[
                { label: t('partner-tools:claim.filed'), value: <When us={open.filed_at_us} as="full" /> },
                { label: t('partner-tools:claim.decided'), value: open.decided_at_us ? <When us={open.decided_at_us} as="full" /> : null, optional: true },
                { label: t('partner-tools:claim.from'), value: open.from_us ? <When us={open.from_us} as="full" /> : null, optional: true },
                { label: t('partner-tools:claim.id'), value: <CopyId id={open.id} /> },
              ]}
            />
          </Stack>
        )}
      </Drawer>
      <FileClaim
        opened={search.add === '1'}
        onClose={() => set({ add: null })}
        onDone={() => {
          set({ add: null });
          void list.refetch();
        }}
      />
    </Page>
  );
}

function FileClaim({ opened, onClose, onDone }: { opened: boolean; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation(['partner-tools', 'common']);
  const file = useWrite('post', '/api/v1/me/partner/claims');
  const [above, setAbove] = useState<string | null>(null);
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { client: '', evidence: '' },
    validate: { client: (v) => (v.trim() ? null : fieldText('missing')), evidence: (v) => (v.trim() ? null : fieldText('missing')) },
  });
  const send = form.onSubmit(async (v) => {
    try {
      await file.run({ body: { client: v.client.trim(), evidence: v.evidence.trim() } });
      form.reset();
      setAbove(null);
      say(t('partner-tools:claim.sent'));
      onDone();
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <FormDialog opened={opened} onClose={onClose} title={t('partner-tools:claim.add')} save={t('partner-tools:claim.send')} busy={file.busy} above={above} onSubmit={send}>
      <p>{t('partner-tools:claim.how')}</p>
      <TextInput label={t('partner-tools:claim.client')} description={t('partner-tools:claim.clientHint')} autoComplete="off" dir="ltr" key={form.key('client')} {...form.getInputProps('client')} />
      <Textarea label={t('partner-tools:claim.evidence')} description={t('partner-tools:claim.evidenceHint')} autosize minRows={4} maxRows={12} dir="auto" key={form.key('evidence')} {...form.getInputProps('evidence')} />
    </FormDialog>
  );
}
