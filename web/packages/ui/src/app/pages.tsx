import { Button } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Link } from '@tanstack/react-router';
import { EmptyState } from '../state/EmptyState';
import { Page } from '../frame/Page';

export function NotFound() {
  const { t } = useTranslation('common');
  return (
    <Page title={t('pages.not_found')}>
      <EmptyState
        kind="filtered"
        title={t('pages.not_found_text')}
        text=" "
        action={
          <Button component={Link} to="/" variant="default">
            {t('pages.home')}
          </Button>
        }
      />
    </Page>
  );
}

/** An address that is there, for somebody else. */
export function NotForRole({ rights }: { rights: readonly string[] }) {
  const { t } = useTranslation(['common', 'office-words']);
  return (
    <Page title={t('common:pages.not_for_role')}>
      <EmptyState
        kind="locked"
        title={t('common:pages.not_for_role_text')}
        text={t('common:pages.needs', { right: rights.map((right) => t(`office-words:right.${right}` as never, { defaultValue: right }) as unknown as string).join(', ') })}
        action={
          <Button component={Link} to="/" variant="default">
            {t('common:pages.home')}
          </Button>
        }
      />
    </Page>
  );
}

/** Signed in, but this is another kind of person's portal. */
export function WrongPortal({ to, label }: { to: string; label: string }) {
  const { t } = useTranslation('common');
  return (
    <main>
      <h1 className="qd-hidden">{t('pages.not_for_role')}</h1>
      <EmptyState
        kind="locked"
        page
        title={t('pages.wrong_portal')}
        action={
          <Button component="a" href={to}>
            {label}
          </Button>
        }
      />
    </main>
  );
}
