import { Button } from '@mantine/core';
import { i18next, useTranslation } from '@qd/i18n';
import { EmptyState, Page } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { Link } from '@tanstack/react-router';
import type { ComponentType } from 'react';

/** A screen that is closed until the e-mail address is proven: the house refuses what it would ask. */
export function proven(Screen: ComponentType, title: string): ComponentType {
  return function Proven() {
    const { t } = useTranslation('trader');
    const { me } = useSession();
    if (me.email_verified !== false) return <Screen />;
    return (
      <Page title={i18next.t(title as never) as unknown as string} width="text">
        <EmptyState
          kind="locked"
          title={t('next.email.title')}
          text={t('next.email.text')}
          action={
            <Button component={Link} to="/profile">
              {t('next.email.action')}
            </Button>
          }
        />
      </Page>
    );
  };
}
