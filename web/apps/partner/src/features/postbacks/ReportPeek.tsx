import { Button, Stack } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { number, serverText, useTranslation } from '@qd/i18n';
import { Card, CopyId, Disabled, Drawer, ErrorState, errorText, KeyValue, Notice, say, StatusChip, When } from '@qd/ui';
import { answerText } from './PostbackPage';
import classes from './postbacks.module.css';

interface Props {
  id: string | null;
  /** Whether the postback is switched on. */
  active: boolean;
  onClose: () => void;
  onPrevious: (() => void) | null;
  onNext: (() => void) | null;
  onReplayed: () => void;
}

/** One report: what was sent, each attempt with its answer, and sending it again. */
export function ReportPeek({ id, active, onClose, onPrevious, onNext, onReplayed }: Props) {
  const { t, i18n } = useTranslation('partner-tools');
  const one = useApiQuery('/api/v1/me/partner/postback-sends/{id}', id ? { path: { id } } : null, { refetchInterval: (q) => (q.state.data?.send.state === 'waiting' ? 1500 : false) });
  const again = useWrite('post', '/api/v1/me/partner/postback-sends/{id}/replay');
  const s = one.data?.send;
  const replay = async () => {
    if (!id) return;
    try {
      await again.run({ path: { id } });
      say(t('send.replayed'));
      onReplayed();
    } catch {
      // Told in the panel.
    }
  };
  const why = !active ? t('test.off') : s?.state === 'waiting' ? t('send.onItsWay') : null;
  return (
    <Drawer
      opened={!!id}
      onClose={onClose}
      onPrevious={onPrevious}
      onNext={onNext}
      size="lg"
      title={s ? serverText('partner-tools', `event.${s.event}`) : t('send.one')}
      aside={s ? <StatusChip kind="postback_send" value={s.state} /> : undefined}
      footer={s ? <Disabled why={why}><Button loading={again.busy} onClick={() => void replay()}>{t('send.replay')}</Button></Disabled> : undefined}
    >
      {one.error && !one.data && <ErrorState error={one.error} onRetry={() => void one.refetch()} />}
      {again.error && <Notice tone="bad">{errorText(again.error)}</Notice>}
      {one.data && s && (
        <Stack>
          <Card title={t('send.called')}>
            <KeyValue
              items={[
                { label: t('pb.url'), value: s.url ? <bdi dir="ltr" className={classes.code}>{s.url}</bdi> : null },
                { label: t('send.at'), value: <When us={s.created_at_us} as="full" /> },
                { label: t('send.eventId'), value: <CopyId id={s.event_id} /> },
                { label: t('send.id'), value: <CopyId id={s.id} /> },
                s.replay_of ? { label: t('send.replayOf'), value: <CopyId id={s.replay_of} /> } : null,
                s.state === 'waiting' ? { label: t('send.due'), value: <When us={s.due_at_us} as="full" /> } : null,
              ]}
            />
          </Card>
          <Card title={t('send.tries')}>
            {one.data.tries.length === 0 && <p className="qd-muted">{t('send.noTry')}</p>}
            <Stack gap="sm">
              {one.data.tries.map((x) => (
                <div key={x.n}>
                  <p>
                    {number(i18n.language, x.n)}. <When us={x.at_us} as="full" /> · {answerText(x, t('send.noAnswer'))} · {t('test.ms', { ms: number(i18n.language, x.ms) })}
                  </p>
                  {x.excerpt && <pre className={classes.answer} dir="ltr" tabIndex={0} aria-label={t('send.answer')}>{x.excerpt}</pre>}
                </div>
              ))}
            </Stack>
          </Card>
          <Card title={t('send.values')}>
            <KeyValue items={Object.entries(one.data.values).map(([name, value]) => ({ label: <bdi dir="ltr" className={classes.code}>{`{${name}}`}</bdi>, value: value ? <bdi dir="ltr">{value}</bdi> : null }))} />
          </Card>
        </Stack>
      )}
    </Drawer>
  );
}
