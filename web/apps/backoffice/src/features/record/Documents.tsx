import { Button, Skeleton } from '@mantine/core';
import { href, useApiQuery, type Schema } from '@qd/api';
import { hasText, plain, serverText, useTranslation } from '@qd/i18n';
import { Card, DataTable, DocViewer, Drawer, EmptyState, ErrorState, KeyValue, Notice, StatusChip, statusText, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';

type Doc = Schema<'KycDocument'>;
const kindText = (kind: string) => (hasText('office-kyc', `kind.${kind}`) ? serverText('office-kyc', `kind.${kind}`) : plain(kind));

/** What the client handed in, with its verdict; looking at a picture is written down. */
export function Documents({ caseId }: { caseId: string }) {
  const { t } = useTranslation('office-record');
  const file = useApiQuery('/api/v1/kyc/{id}', { path: { id: caseId } });
  const sees = useCan('kyc.documents.view');
  const [shown, setShown] = useState<string | null>(null);
  const docs = useMemo(() => [...(file.data?.documents ?? [])].sort((a, b) => b.uploaded_at_us - a.uploaded_at_us), [file.data]);
  const doc = docs.find((d) => d.id === shown);
  const columns = useMemo<readonly Column<Doc>[]>(
    () => [
      { id: 'kind', header: t('docs.kind'), width: 220, fixed: true, cell: (d) => <>{kindText(d.kind)}{d.side !== 'single' && ` · ${statusText('side', d.side)}`}</> },
      { id: 'proves', header: t('docs.proves'), width: 190, cell: (d) => serverText('shared', `document.${d.requirement}`) },
      { id: 'state', header: t('col.state'), width: 160, card: 'side', cell: (d) => <StatusChip kind="document" value={d.state} /> },
      { id: 'at', header: t('docs.uploaded'), width: 225, cell: (d) => <When us={d.uploaded_at_us} as="full" /> },
      { id: 'expires', header: t('docs.expires'), width: 130, cell: (d) => (d.expires_on ? <When us={Date.parse(d.expires_on) * 1000} as="date" /> : null) },
      { id: 'why', header: t('docs.why'), width: 240, cell: (d) => (d.reason_text_key ? serverText('shared', d.reason_text_key) : null) },
    ],
    [t],
  );
  if (file.error && !file.data) return <Card title={t('docs.title')}><ErrorState error={file.error} onRetry={() => void file.refetch()} /></Card>;
  if (!file.data) return <Skeleton height={220} />;
  return (
    <Card title={t('docs.title')} flush actions={<Button component={Link} to={`/kyc/${caseId}` as never} size="compact-sm" variant="default">{t('kyc.open')}</Button>}>
      {docs.length === 0 ? (
        <EmptyState title={t('docs.none')} />
      ) : (
        <DataTable id="record-documents" inline label={t('docs.title')} columns={columns} rows={docs} rowId={(d) => d.id} onOpen={(d) => setShown(d.id)} />
      )}
      <Drawer opened={!!doc} onClose={() => setShown(null)} size="lg" title={doc ? kindText(doc.kind) : ''} aside={doc && <StatusChip kind="document" value={doc.state} />}>
        {doc && (
          <>
            {sees ? <DocViewer key={doc.id} src={href('/api/v1/documents/{id}', { path: { id: doc.id } })} mime={doc.mime} name={kindText(doc.kind)} downloadable /> : <Notice tone="info">{t('docs.covered')}</Notice>}
            <KeyValue
              items={[
                { label: t('docs.proves'), value: serverText('shared', `document.${doc.requirement}`) },
                { label: t('docs.uploaded'), value: <When us={doc.uploaded_at_us} as="full" /> },
                { label: t('docs.expires'), value: doc.expires_on ? <When us={Date.parse(doc.expires_on) * 1000} as="date" /> : null, optional: true },
                { label: t('docs.why'), value: doc.reason_text_key ? serverText('shared', doc.reason_text_key) : null, optional: true },
                { label: t('docs.note'), value: doc.reason_note ? <span dir="auto">{doc.reason_note}</span> : null, optional: true },
              ]}
            />
          </>
        )}
      </Drawer>
    </Card>
  );
}
