import { useTranslation } from '@qd/i18n';
import { Page, useSearchState } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { ListTabs } from '../../lib/ListTabs';
import { Breaks } from './Breaks';
import { Files } from './Files';
import { LoadFile } from './LoadFile';
import { Position } from './Position';
import { Standings } from './Standings';

/** What providers and platforms say against the ledger: how all stand, what differs, the files, where all money is. */
export function ReconciliationPage() {
  const { t } = useTranslation('office-recon');
  const may = useCan('ledger.adjust');
  const [search] = useSearchState();
  const list = search.tab === 'breaks' || search.tab === 'files';
  return (
    <Page
      title={t('title')}
      text={t('text')}
      fill={list}
      actions={may && <LoadFile />}
      tabs={
        <ListTabs
          label={t('title')}
          tabs={[
            { value: null, label: t('tab.overview') },
            { value: 'breaks', label: t('tab.breaks') },
            { value: 'files', label: t('tab.files') },
            { value: 'position', label: t('tab.position') },
          ]}
          clears={['state', 'kind', 'party', 'connection']}
        />
      }
    >
      {search.tab === 'breaks' ? <Breaks /> : search.tab === 'files' ? <Files /> : search.tab === 'position' ? <Position /> : <Standings />}
    </Page>
  );
}
