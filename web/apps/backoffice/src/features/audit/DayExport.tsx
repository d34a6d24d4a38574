import { Button } from '@mantine/core';
import { callLoose, type Answer } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { errorText, Notice, say } from '@qd/ui';
import { IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import { csv } from './csv';
import { actionText } from './words';

type Trail = Answer<'get', '/api/v1/audit'>;
const most = 10_000;

/** Who did what, as filtered, as CSV: read page by page, so it is exactly what the list shows. */
export function DayExport({ query }: { query: Record<string, string | number | undefined> }) {
  const { t } = useTranslation('office-audit');
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const run = async () => {
    setBusy(true);
    setFailed(null);
    try {
      const rows: unknown[][] = [[t('csv.utc'), t('col.who'), t('csv.whoId'), t('col.action'), t('csv.code'), t('col.object'), t('col.client'), t('col.reason'), t('col.rule'), t('col.ip'), t('csv.before'), t('csv.after'), t('col.position'), t('col.id')]];
      let cursor: string | undefined;
      do {
        const page = (await callLoose('get', '/api/v1/audit', { query: { ...query, limit: 200, cursor } })) as Trail;
        for (const r of page.items) rows.push([new Date(r.at_us / 1000).toISOString(), r.actor_label, r.actor_id, actionText(r.action), r.action, r.object, r.client_id, r.reason, r.rule, r.ip, r.before, r.after, r.position, r.id]);
        cursor = page.next_cursor ?? undefined;
      } while (cursor && rows.length <= most);
      const address = URL.createObjectURL(new Blob([csv(rows)], { type: 'text/csv;charset=utf-8' }));
      const link = document.createElement('a');
      link.href = address;
      link.download = `audit-${new Date(Number(query.from_us ?? Date.now() * 1000) / 1000).toISOString().slice(0, 10)}.csv`;
      link.click();
      URL.revokeObjectURL(address);
      say(cursor ? t('csv.cut', { count: rows.length - 1 }) : t('csv.done', { count: rows.length - 1 }));
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
      <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} loading={busy} onClick={() => void run()}>
        {t('csv.get')}
      </Button>
    </>
  );
}
