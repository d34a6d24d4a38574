import { Button, Skeleton } from '@mantine/core';
import { useCursorPages } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Chip, EmptyState, ErrorState, Page, When } from '@qd/ui';
import { IconMessageCircle, IconPlus } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import classes from '../../lib/room.module.css';
import { ticketTone } from './tone';

export function Tickets() {
  const { t } = useTranslation('trader-care');
  const tickets = useCursorPages('/api/v1/me/tickets', { query: { limit: 50 } }, { live: 'refetch' });
  return (
    <Page
      title={t('support.title')}
      text={t('support.text')}
      width="text"
      actions={
        <Button component={Link} to="/support/new" leftSection={<IconPlus size={16} aria-hidden />}>
          {t('support.new')}
        </Button>
      }
    >
      {tickets.error && tickets.rows.length === 0 ? (
        <ErrorState error={tickets.error} onRetry={() => void tickets.refetch()} />
      ) : tickets.isPending ? (
        <Skeleton height={160} radius="md" />
      ) : tickets.rows.length === 0 ? (
        <EmptyState title={t('support.empty')} text={t('support.empty_text')} />
      ) : (
        <ul className={classes.list}>
          {tickets.rows.map((x) => (
            <li key={x.id}>
              <Link to={`/support/${x.id}`} className={classes.row}>
                <span className={classes.rowIcon} data-tone={x.unread ? 'info' : undefined}>
                  <IconMessageCircle size={18} aria-hidden />
                </span>
                <span className={classes.rowText}>
                  <span className={classes.rowTitle}>
                    <bdi dir="auto">{x.subject}</bdi>
                  </span>
                  <span className={classes.rowNote}>
                    {t(x.message_by === 'staff' ? 'support.we_wrote' : 'support.you_wrote')} <When us={x.message_at_us} />
                  </span>
                </span>
                <span className={classes.rowEnd}>
                  {x.unread && <Chip tone="info" label={t('support.unread')} size="sm" />}
                  <Chip tone={ticketTone(x.state)} label={t(`support.state.${x.state}`)} size="sm" />
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
      {tickets.hasMore && (
        <Button variant="default" loading={tickets.loadingMore} onClick={tickets.more}>
          {t('more')}
        </Button>
      )}
    </Page>
  );
}
