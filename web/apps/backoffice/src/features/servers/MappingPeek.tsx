import { Button, Radio, Stack } from '@mantine/core';
import { useWrite, type Row } from '@qd/api';
import { list as listText, number, useTranslation } from '@qd/i18n';
import { Card, Chip, CopyId, Drawer, KeyValue, Notice, ReasonDialog, say, shortId, StatusChip, toneOf, Value, When } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useEffect, useState } from 'react';
import { ClientLink, Named, useNames } from '../../lib/names';
import { undecided } from './Mapping';

type Login = Row<'/api/v1/trading/mapping'>;

interface Props {
  of: Login | undefined;
  onClose: () => void;
  onPrevious: (() => void) | null;
  onNext: (() => void) | null;
  onDone: () => void;
}

/** One login: its holder as the server shows them beside the clients it may belong to, each with reasons. */
export function MappingPeek({ of: m, onDone, ...drawer }: Props) {
  const { t, i18n } = useTranslation('office-servers');
  const lang = i18n.language;
  const may = useCan('connections.manage');
  const decide = useWrite('post', '/api/v1/trading/mapping/decide');
  const [chosen, setChosen] = useState<string | null>(null);
  const [asking, setAsking] = useState<'accept' | 'refuse' | null>(null);
  useEffect(() => setChosen(m?.client_id ?? null), [m?.id, m?.client_id]);
  const name = useNames([m?.client_id, m?.decided_by, ...(m?.candidates ?? []).map((c) => c.client_id)]);
  const open = !!m && undecided(m);
  const taken = m?.conflict === 'login_taken';
  return (
    <Drawer
      opened={!!m}
      size="lg"
      {...drawer}
      title={m ? t('loginOf', { login: m.login }) : t('login')}
      aside={m && <Chip tone={toneOf('login_mapping', m.state)} label={t(`mappingState.${m.state}`)} />}
      footer={
        open && may ? (
          <>
            {!taken && chosen && <Button onClick={() => setAsking('accept')}>{t('acceptFor', { name: name(chosen) ?? shortId(chosen) })}</Button>}
            <Button variant="default" onClick={() => setAsking('refuse')}>{t('refuse')}</Button>
          </>
        ) : undefined
      }
    >
      {m && (
        <>
          {m.conflict && <Notice tone="warn" title={t(`conflict.${m.conflict}`)}>{t(`conflictText.${m.conflict}`)}</Notice>}
          <Card title={t('onServer')}>
            <KeyValue
              items={[
                { label: t('holder'), value: m.name ? <bdi dir="auto"><Value>{m.name}</Value></bdi> : null },
                { label: t('email'), value: m.email ? <bdi dir="ltr"><Value>{m.email}</Value></bdi> : null },
                { label: t('phone'), value: m.phone ? <bdi dir="ltr"><Value>{m.phone}</Value></bdi> : null },
                { label: t('group'), value: <bdi dir="ltr" className="qd-mono">{m.group}</bdi> },
                { label: t('currency'), value: m.currency },
                { label: t('leverage'), value: <bdi dir="ltr">1:{m.leverage}</bdi> },
                { label: t('rights'), value: <StatusChip kind="trading_rights" value={m.rights} /> },
                { label: t('id'), value: <CopyId id={m.id} /> },
              ]}
            />
          </Card>
          <Card title={t('candidates')}>
            {m.candidates.length === 0 ? (
              <p className="qd-muted" style={{ margin: 0 }}>{t('nobodyFits')}</p>
            ) : (
              <Radio.Group value={chosen} onChange={setChosen} aria-label={t('candidates')} readOnly={!open || !may}>
                <Stack gap="sm">
                  {m.candidates.map((c) => (
                    <div key={c.client_id} style={{ display: 'flex', flexWrap: 'wrap', gap: '0.25rem 1rem', alignItems: 'baseline' }}>
                      <Radio value={c.client_id} label={<bdi>{name(c.client_id) ?? shortId(c.client_id)}</bdi>} description={t('scoreWhy', { score: number(lang, c.score), why: listText(lang, c.reasons.map((r) => t(`reason.${r}`))) })} disabled={!open || !may} />
                      <ClientLink id={c.client_id} name={t('openClient')} />
                    </div>
                  ))}
                </Stack>
              </Radio.Group>
            )}
          </Card>
          {m.decided_at_us && (
            <Card title={t('decision')}>
              {m.reason && <p dir="auto" style={{ margin: 0 }}>{m.reason}</p>}
              <KeyValue
                items={[
                  { label: t('decidedBy'), value: <Named id={m.decided_by} name={name(m.decided_by)} /> },
                  { label: t('decided'), value: <When us={m.decided_at_us} as="full" /> },
                ]}
              />
            </Card>
          )}
          <ReasonDialog
            opened={asking !== null}
            onClose={() => setAsking(null)}
            title={asking === 'refuse' ? t('refuse') : t('accept')}
            text={asking === 'refuse' ? t('willRefuse', { count: 1 }) : t('willAccept', { count: 1 })}
            confirm={asking === 'refuse' ? t('refuse') : t('accept')}
            busy={decide.busy}
            error={decide.error}
            onConfirm={async ({ note }) => {
              try {
                await decide.run({ body: asking === 'accept' ? { accept: [{ id: m.id, client_id: chosen ?? null }], refuse: [], reason: note } : { accept: [], refuse: [m.id], reason: note } });
                say(asking === 'accept' ? t('acceptedMany', { count: 1 }) : t('refusedMany', { count: 1 }));
                setAsking(null);
                onDone();
              } catch {
                // Shown in the dialog.
              }
            }}
          />
        </>
      )}
    </Drawer>
  );
}
