import { Button, Checkbox, Group, Skeleton, Stack, TextInput } from '@mantine/core';
import { useApiQuery, useWrite, type Row, type Schema } from '@qd/api';
import { hasText, plain, serverText, useTranslation } from '@qd/i18n';
import { Card, Chip, CopyId, Disabled, ErrorState, KeyValue, Notice, ReasonDialog, say, Timeline, When } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { useState } from 'react';
import { ClientLink, Named, useNames } from '../../lib/names';
import { PartnerName } from '../partners/Chain';
import classes from '../closing/closing.module.css';

type Claim = Row<'/api/v1/attribution/claims'>;
type Evidence = Schema<'AttributionEvidence'>;
const word = (part: string, code: string): string => (hasText('office-engine', `${part}.${code}`) ? serverText('office-engine', `${part}.${code}`) : plain(code));

/** One claim beside all there is to see of the client: touches, what each model would say, who came from the same place. */
export function ClaimFile({ claim: c, onDone }: { claim: Claim; onDone: () => void }) {
  const { t } = useTranslation('office-engine');
  const { me } = useSession();
  const may = useCan('partners.manage');
  const seen = useApiQuery('/api/v1/clients/{id}/attribution', c.client_id ? { path: { id: c.client_id } } : null);
  const decide = useWrite('post', '/api/v1/attribution/claims/{id}/decide');
  const [dialog, setDialog] = useState<'accept' | 'refuse' | null>(null);
  const [despite, setDespite] = useState(false);
  const [client, setClient] = useState('');
  const [failed, setFailed] = useState<unknown>(null);
  const name = useNames([c.client_id, c.filed_by, c.decided_by]);
  const own = c.filed_by === me.id;
  return (
    <Stack>
      <KeyValue
        items={[
          { label: t('cor.partner'), value: <PartnerName id={c.partner_id} /> },
          { label: t('cor.client'), value: c.client_id ? <ClientLink id={c.client_id} name={name(c.client_id)} /> : <><bdi>{c.named}</bdi> <Chip tone="warn" label={t('claim.unknown')} /></> },
          { label: t('claim.filed'), value: <><Named id={c.filed_by} name={name(c.filed_by)} /> · <When us={c.filed_at_us} as="full" /></> },
          { label: t('claim.late'), value: c.late ? t('claim.isLate') : null, optional: true },
          { label: t('claim.evidence'), value: <span dir="auto">{c.evidence}</span> },
          { label: t('claim.decided'), value: c.decided_by ? <><Named id={c.decided_by} name={name(c.decided_by)} /> · <When us={c.decided_at_us ?? null} as="full" /></> : null, optional: true },
          { label: t('cor.reason'), value: c.reason ? <span dir="auto">{c.reason}</span> : null, optional: true },
          { label: t('id'), value: <CopyId id={c.id} /> },
        ]}
      />
      {c.state === 'open' && (
        <Group>
          <Disabled why={!may ? t('claim.notYours') : own ? t('claim.own') : null}><Button onClick={() => { setFailed(null); setDialog('accept'); }}>{t('claim.accept')}</Button></Disabled>
          <Disabled why={!may ? t('claim.notYours') : own ? t('claim.own') : null}><Button variant="default" onClick={() => { setFailed(null); setDialog('refuse'); }}>{t('claim.refuse')}</Button></Disabled>
        </Group>
      )}
      {seen.error && !seen.data ? <ErrorState error={seen.error} onRetry={() => void seen.refetch()} /> : seen.data ? <Seen evidence={seen.data} /> : c.client_id ? <Skeleton height={200} /> : null}
      <ReasonDialog
        opened={dialog !== null}
        onClose={() => setDialog(null)}
        title={dialog === 'accept' ? t('claim.accept') : t('claim.refuse')}
        text={dialog === 'accept' ? t('claim.acceptText') : t('claim.refuseText')}
        confirm={dialog === 'accept' ? t('claim.accept') : t('claim.refuse')}
        busy={decide.busy}
        error={failed}
        onConfirm={({ note }) =>
          void decide.run({ path: { id: c.id }, body: { accept: dialog === 'accept', reason: note, despite_late: despite, ...(client.trim() ? { client_id: client.trim() } : {}) } }).then(
            () => { setDialog(null); say(t('claim.done')); onDone(); },
            (e: unknown) => setFailed(e),
          )
        }
      >
        {dialog === 'accept' && c.late && <Checkbox label={t('claim.despite')} checked={despite} onChange={(e) => setDespite(e.currentTarget.checked)} />}
        {dialog === 'accept' && !c.client_id && <TextInput label={t('claim.who')} dir="ltr" value={client} onChange={(e) => setClient(e.currentTarget.value)} />}
      </ReasonDialog>
    </Stack>
  );
}

function Seen({ evidence: e }: { evidence: Evidence }) {
  const { t } = useTranslation('office-engine');
  return (
    <>
      <Card title={t('claim.models')}>
        <ul className={classes.list}>
          {e.models.map((m) => (
            <li key={m.rule}>
              {word('model', m.rule)}: <strong>{m.partner ? <PartnerName id={m.partner} /> : t('cor.nobody')}</strong> {m.in_force && <Chip tone="info" label={t('claim.inForce')} />}
            </li>
          ))}
        </ul>
      </Card>
      <Card title={t('claim.touches')}>
        {e.touches.length === 0 && <p className="qd-muted">{t('claim.noTouches')}</p>}
        {e.registered_at_us && <p className="qd-muted" style={{ marginBlockStart: 0 }}>{t('claim.registered')} <When us={e.registered_at_us} as="full" /></p>}
        <Timeline items={e.touches.map((x) => ({ id: x.click, at_us: x.at_us, title: <><PartnerName id={x.partner} />{x.campaign ? <> · <bdi>{x.campaign}</bdi></> : null}</>, body: <>{x.direct ? t('claim.direct') : <bdi dir="ltr">{x.referrer ?? ''}</bdi>} {x.code ? <bdi dir="ltr" className="qd-mono">{x.code}</bdi> : null} · {x.consent ? t('claim.consent') : t('claim.noConsent')} · {word('known', x.known_by)}</> }))} />
      </Card>
      {e.overlaps.length > 0 && (
        <Card title={t('claim.overlaps')}>
          <ul className={classes.list}>
            {e.overlaps.map((o) => <li key={o.client_id}><ClientLink id={o.client_id} name={undefined} /> · <When us={o.registered_at_us} /> {o.same_browser && <Chip tone="warn" label={t('claim.sameBrowser')} />} {o.partner && <PartnerName id={o.partner} />}</li>)}
          </ul>
        </Card>
      )}
      {e.referral.length > 0 && <Notice tone="warn">{t('claim.selfReferral')}</Notice>}
    </>
  );
}
