import { Button } from '@mantine/core';
import { useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { errorText, Notice } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';

/** Everything is there: off to the reviewers. */
export function HandIn() {
  const { t } = useTranslation('trader-verify');
  const navigate = useNavigate();
  const submit = useWrite('post', '/api/v1/me/kyc/submit', { touches: ['kyc', 'client'], onDone: () => void navigate({ to: '/' }) });
  return (
    <>
      {submit.error && <Notice tone="bad">{errorText(submit.error)}</Notice>}
      <Button size="md" loading={submit.busy} onClick={() => submit.submit()}>
        {t('hand_in')}
      </Button>
    </>
  );
}
