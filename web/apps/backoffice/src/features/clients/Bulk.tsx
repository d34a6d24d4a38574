import { Button, Select, Stack, TagsInput, TextInput } from '@mantine/core';
import { useApiQuery, useWrite, type Answer, type Schema } from '@qd/api';
import { plain, serverText, hasText, useTranslation } from '@qd/i18n';
import { dayStartUs, Dialog, errorText, fieldText, KeyValue, Notice, say, statusText } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { lazy, Suspense, useState } from 'react';

const DateField = lazy(() => import('@qd/ui/form/DateField'));
type Preview = Answer<'post', '/api/v1/clients/bulk'>;
type Kind = 'assign' | 'tag' | 'task' | 'stage';

interface Props {
  /** The ticked records; closed while null. */
  ids: readonly string[] | null;
  onClose: () => void;
  onDone: () => void;
}

/** One change of many records: first what it would do to each, then the change, then what failed and why. */
export function Bulk({ ids, onClose, onDone }: Props) {
  const { t } = useTranslation(['office-clients', 'common']);
  const seesStaff = useCan('staff.view');
  const mayAssign = useCan('leads.assign');
  const open = ids !== null;
  const staff = useApiQuery('/api/v1/staff', open && seesStaff ? { query: { active: true, limit: 100 } } : null);
  const bulk = useWrite('post', '/api/v1/clients/bulk');
  const look = useWrite('post', '/api/v1/clients/bulk');
  const [kind, setKind] = useState<Kind>(mayAssign ? 'assign' : 'tag');
  const [owner, setOwner] = useState<string | null>(null);
  const [add, setAdd] = useState<string[]>([]);
  const [remove, setRemove] = useState<string[]>([]);
  const [title, setTitle] = useState('');
  const [day, setDay] = useState<string | null>(null);
  const [command, setCommand] = useState<string | null>(null);
  const [reason, setReason] = useState('');
  const [tried, setTried] = useState(false);
  const [preview, setPreview] = useState<Preview | null>(null);
  const [result, setResult] = useState<Preview | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const names = new Map((staff.data?.items ?? []).map((s) => [s.id as string, s.name]));

  const action = (): Schema<'BulkAction'> | null => {
    if (kind === 'assign') return owner ? { kind, owner_id: owner, desk: null } : null;
    if (kind === 'tag') return add.length + remove.length > 0 ? { kind, add, remove } : null;
    if (kind === 'stage') return command ? { kind, command: command as Schema<'ClientCommand'> } : null;
    return title.trim() && day ? { kind, title: title.trim(), due_at_us: dayStartUs(day, Intl.DateTimeFormat().resolvedOptions().timeZone) + 9 * 3_600_000_000, owner_id: null } : null;
  };
  const ask = async (dry: boolean) => {
    setTried(true);
    const what = action();
    if (!what || !reason.trim() || !ids) return;
    try {
      const write = dry ? look : bulk;
      const answer = await write.run({ body: { action: what, ids: [...ids], filter: null, dry_run: dry, reason: reason.trim() } });
      setFailed(null);
      if (dry) setPreview(answer);
      else {
        setResult(answer);
        say(t('bulk.done', { count: answer.changed }));
        onDone();
      }
    } catch (error) {
      setFailed(error);
    }
  };
  const close = () => {
    setPreview(null);
    setResult(null);
    setTried(false);
    setFailed(null);
    onClose();
  };
  const stale = () => setPreview(null);
  const shown = result ?? preview;
  const worded = (value: unknown): string => {
    if (value === null || value === undefined || value === '') return '–';
    if (Array.isArray(value)) return value.join(' · ') || '–';
    return names.get(String(value)) ?? (hasText('status', `stage.${String(value)}`) ? serverText('status', `stage.${String(value)}`) : String(value));
  };
  return (
    <Dialog
      opened={open}
      onClose={close}
      size="lg"
      title={t('bulk.title', { count: ids?.length ?? 0 })}
      locked={bulk.busy}
      footer={
        result ? (
          <Button onClick={close}>{t('common:close')}</Button>
        ) : (
          <>
            <Button variant="default" onClick={close}>{t('common:cancel')}</Button>
            {preview ? (
              <Button loading={bulk.busy} onClick={() => void ask(false)}>{t('bulk.apply', { count: preview.changed })}</Button>
            ) : (
              <Button loading={look.busy} onClick={() => void ask(true)}>{t('bulk.preview')}</Button>
            )}
          </>
        )
      }
    >
      <Stack>
        {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
        {!result && (
          <>
            <Select
              label={t('bulk.what')}
              allowDeselect={false}
              data={(mayAssign ? (['assign', 'tag', 'task', 'stage'] as const) : (['tag', 'task', 'stage'] as const)).map((value) => ({ value, label: t(`bulk.kind.${value}`) }))}
              value={kind}
              onChange={(v) => { setKind((v ?? 'tag') as Kind); stale(); }}
            />
            {kind === 'assign' && <Select label={t('bulk.owner')} searchable data={(staff.data?.items ?? []).map((s) => ({ value: s.id, label: s.name }))} value={owner} onChange={(v) => { setOwner(v); stale(); }} error={tried && !owner ? fieldText('missing') : undefined} />}
            {kind === 'tag' && <TagsInput label={t('bulk.add')} value={add} onChange={(v) => { setAdd(v); stale(); }} error={tried && add.length + remove.length === 0 ? fieldText('missing') : undefined} />}
            {kind === 'tag' && <TagsInput label={t('bulk.remove')} value={remove} onChange={(v) => { setRemove(v); stale(); }} />}
            {kind === 'task' && <TextInput label={t('bulk.task')} value={title} onChange={(e) => { setTitle(e.currentTarget.value); stale(); }} error={tried && !title.trim() ? fieldText('missing') : undefined} />}
            {kind === 'task' && (
              <Suspense fallback={null}>
                <DateField label={t('bulk.day')} value={day} onChange={(v) => { setDay(v); stale(); }} error={tried && !day ? fieldText('missing') : undefined} />
              </Suspense>
            )}
            {kind === 'stage' && (
              <Select label={t('bulk.command')} data={(['fall_asleep', 'wake', 'churn'] as const).map((value) => ({ value, label: t(`bulk.stage.${value}`) }))} value={command} onChange={(v) => { setCommand(v); stale(); }} error={tried && !command ? fieldText('missing') : undefined} />
            )}
            <TextInput label={t('bulk.reason')} dir="auto" value={reason} onChange={(e) => { setReason(e.currentTarget.value); stale(); }} error={tried && !reason.trim() ? fieldText('missing') : undefined} />
          </>
        )}
        {shown && (
          <>
            <Notice tone={shown.failed > 0 ? 'warn' : 'info'}>
              {t(result ? 'bulk.result' : 'bulk.would', { changed: shown.changed, unchanged: shown.unchanged, failed: shown.failed })}
              {shown.waiting > 0 && ` ${t('bulk.waiting', { count: shown.waiting })}`}
            </Notice>
            <KeyValue
              items={shown.items.slice(0, 20).map((item) => ({
                label: <bdi className="qd-mono">{item.client_id.slice(-6)}</bdi>,
                value: item.state === 'failed' ? <span>{item.code && hasText('errors', item.code) ? serverText('errors', item.code) : item.detail}</span> : item.changes.length === 0 ? t('bulk.same') : item.changes.map((c) => `${plain(c.field)}: ${worded(c.from)} → ${c.field === 'stage' ? statusText('stage', String(c.to)) : worded(c.to)}`).join(' · '),
              }))}
            />
          </>
        )}
      </Stack>
    </Dialog>
  );
}
