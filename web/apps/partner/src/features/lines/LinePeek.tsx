import { Button, Stack } from '@mantine/core';
import { plain, useTranslation } from '@qd/i18n';
import { Card, Chip, CopyId, Drawer, KeyValue, Lots, Money, Notice, statusText, When } from '@qd/ui';
import { useState } from 'react';
import { lotsText } from '../../lib';
import { AskDialog } from './AskDialog';
import type { Line } from './LinesTable';
import { StepsTable, StepsText } from './Steps';
import { kindText, methodText, reasonText, testedText, wantedText } from '@qd/ui/partners/words';

interface Props {
  line: Line | undefined;
  onClose: () => void;
  onPrevious: (() => void) | null;
  onNext: (() => void) | null;
}

/** "Why 4.80?": the rule, the volume, the rate, the rates of exchange and the rounding, in words. */
export function LinePeek({ line: l, onClose, onPrevious, onNext }: Props) {
  const { t } = useTranslation('partner');
  const e = l?.explanation;
  const [asking, setAsking] = useState(false);
  return (
    <Drawer opened={!!l} onClose={onClose} onPrevious={onPrevious} onNext={onNext} title={l ? <Money value={{ minor: l.minor, currency: l.currency }} /> : ''} aside={l && l.kind !== 'accrual' ? <Chip tone={l.minor < 0 ? 'warn' : 'info'} label={kindText(l.kind)} /> : undefined} size="lg" footer={l ? <Button variant="default" onClick={() => setAsking(true)}>{t('ask.button')}</Button> : undefined}>
      {l && e && (
        <Stack>
          {(l.reason ?? e.reason) && <Notice tone="info" title={t('why.nothing')}>{reasonText(l.reason ?? e.reason ?? '')}</Notice>}
          {l.kind === 'reversal' && <Notice tone="warn">{t('why.reversal')}</Notice>}
          {l.kind === 'true_up' && <Notice tone="info">{t('why.trueUp')}</Notice>}
          {l.kind === 'clawback' && <Notice tone="warn">{t('why.clawback')}</Notice>}
          {e.formula && (
            <Card title={t('why.formula')}>
              <p className="qd-mono"><StepsText explanation={e} /></p>
              <StepsTable explanation={e} />
              <KeyValue items={[{ label: t('why.exact'), value: e.exact ? <bdi dir="ltr">{e.exact} {l.currency}</bdi> : null, optional: true }, { label: t('why.rounded'), value: <Money value={{ minor: l.minor, currency: l.currency }} /> }]} />
            </Card>
          )}
          <Card title={t('why.trade')}>
            <KeyValue
              items={[
                { label: t('line.symbol'), value: <bdi dir="ltr">{l.symbol}</bdi> },
                { label: t('why.group'), value: l.product_group ? plain(l.product_group) : null, optional: true },
                { label: t('line.lots'), value: <Lots value={lotsText(l.lots)} /> },
                e.volume && e.volume.platform_lots !== e.volume.lots ? { label: t('why.platformLots'), value: <bdi dir="ltr">{e.volume.platform_lots}</bdi> } : null,
                ...(e.volume?.factors ?? []).map((f) => ({ label: testedText(f.what), value: <bdi dir="ltr">{f.value}</bdi> })),
                { label: t('line.at'), value: <When us={l.value_at_us} as="full" /> },
                { label: t('why.booked'), value: <When us={l.booked_at_us} as="full" /> },
                { label: t('why.ticket'), value: <CopyId id={l.ticket} /> },
                { label: t('line.client'), value: <CopyId id={l.client_id} /> },
              ]}
            />
          </Card>
          {e.rule && (
            <Card title={t('why.rule')}>
              <KeyValue
                items={[
                  { label: t('why.rate'), value: <bdi dir="ltr">{e.rule.rate}</bdi> },
                  { label: t('why.plan'), value: <bdi>{t('why.version', { plan: e.rule.plan, version: e.rule.version })}</bdi> },
                  { label: t('why.ruleId'), value: <bdi>{e.rule.rule}</bdi> },
                  { label: t('why.rank'), value: statusText('plan_rank', e.rule.rank) },
                  { label: t('line.level'), value: e.level },
                  { label: t('why.method'), value: e.method ? methodText(e.method) : null, optional: true },
                ]}
              />
            </Card>
          )}
          {(e.fx ?? []).length > 0 && (
            <Card title={t('why.fx')}>
              <KeyValue items={(e.fx ?? []).map((f) => ({ label: <bdi dir="ltr">{f.pair}</bdi>, value: <><bdi dir="ltr">{f.divided ? '÷' : '×'} {f.rate}</bdi> · {f.source} · <When us={f.at_us} /></> }))} />
            </Card>
          )}
          {(e.below ?? []).length > 0 && (
            <Card title={t('why.below')}>
              <KeyValue items={(e.below ?? []).map((b) => ({ label: <bdi>{b.partner.startsWith('par_') ? t('why.below') : b.partner}</bdi>, value: <bdi dir="ltr">{b.amount} {b.currency}</bdi> }))} />
            </Card>
          )}
          {(e.tested ?? []).length > 0 && (
            <Card title={t('why.tested')}>
              <KeyValue items={(e.tested ?? []).map((x) => ({ label: testedText(x.what), value: x.wanted ? t('why.testedValue', { value: x.value, wanted: wantedText(x.wanted) }) : <bdi dir="ltr">{x.value}</bdi> }))} />
            </Card>
          )}
          <AskDialog line={l} opened={asking} onClose={() => setAsking(false)} />
        </Stack>
      )}
    </Drawer>
  );
}
