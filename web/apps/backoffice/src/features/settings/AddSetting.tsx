import { Button, Select, Stack } from '@mantine/core';
import { useApiQuery, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Dialog } from '@qd/ui';
import { useState } from 'react';
import { scopeText, settingText } from './words';

/** Which setting, and whose: then its form opens with what counts there now. */
export function AddSetting({ opened, known, there, onClose, onChosen }: { opened: boolean; known: readonly Schema<'Known'>[]; there: readonly Schema<'Setting'>[]; onClose: () => void; onChosen: (id: string) => void }) {
  const { t } = useTranslation(['office-house', 'office-settings']);
  const entities = useApiQuery('/api/v1/entities', opened ? {} : null);
  const brands = useApiQuery('/api/v1/brands', opened ? {} : null);
  const [key, setKey] = useState<string | null>(null);
  const [scope, setScope] = useState<string | null>(null);
  const one = known.find((k) => k.key === key);
  const free = (s: string) => !there.some((x) => x.key === key && x.scope === s && x.version > 0);
  const scopes = [
    ...(one?.scopes.includes('global') ? [{ value: 'global', label: scopeText('global') }] : []),
    ...(one?.scopes.includes('entity') ? (entities.data?.items ?? []).map((e) => ({ value: `entity:${e.code}`, label: e.name })) : []),
    ...(one?.scopes.includes('brand') ? (brands.data?.items ?? []).map((b) => ({ value: `brand:${b.code}`, label: b.name })) : []),
  ].filter((s) => free(s.value));
  return (
    <Dialog opened={opened} onClose={onClose} title={t('office-settings:addSetting')} footer={<><Button variant="default" onClick={onClose}>{t('cancel')}</Button><Button disabled={!key || !scope} onClick={() => onChosen(`${scope}/${key}`)}>{t('office-settings:goOn')}</Button></>}>
      <Stack>
        <Select label={t('setting.name')} data={known.map((k) => ({ value: k.key, label: settingText(k.key) }))} value={key} onChange={(v) => { setKey(v); setScope(null); }} />
        <Select label={t('setting.scope')} description={key && scopes.length === 0 ? t('office-settings:everywhereSet') : t('office-settings:narrower')} disabled={!key} data={scopes} value={scope} onChange={setScope} />
      </Stack>
    </Dialog>
  );
}
