import { ActionIcon, Button, Checkbox, Popover, Select, Tooltip } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { IconArrowDown, IconArrowUp, IconColumns3, IconDownload } from '@tabler/icons-react';
import type { Column, ViewState } from './columns';
import classes from './DataTable.module.css';

interface Props<T> {
  columns: readonly Column<T>[];
  view: ViewState;
  onView: (next: ViewState) => void;
  onReset: () => void;
  onExport?: () => void;
  exporting?: boolean;
  sort?: string;
  onSort?: (word: string | null) => void;
}

/** Columns, their order, the export; on a phone the order of rows as well. */
export function TableTools<T>({ columns, view, onView, onReset, onExport, exporting, sort, onSort }: Props<T>) {
  const { t } = useTranslation('common');
  const byId = new Map(columns.map((c) => [c.id, c]));
  const move = (id: string, step: -1 | 1) => {
    const order = [...view.order];
    const at = order.indexOf(id);
    const to = at + step;
    if (to < 0 || to >= order.length) return;
    [order[at], order[to]] = [order[to] as string, order[at] as string];
    onView({ ...view, order });
  };
  const sorts = columns.flatMap((c) => [
    ...(c.sort?.asc ? [{ value: c.sort.asc, label: `${c.header} ↑` }] : []),
    ...(c.sort?.desc ? [{ value: c.sort.desc, label: `${c.header} ↓` }] : []),
  ]);
  return (
    <div className={classes.toolIcons}>
      {onSort && sorts.length > 0 && (
        <Select aria-label={t('table.sort')} placeholder={t('table.sort')} size="xs" data={sorts} value={sort ?? null} onChange={(value) => onSort(value)} clearable />
      )}
      {onExport && (
        <Tooltip label={t('table.export_text')}>
          <Button size="compact-sm" variant="default" onClick={onExport} loading={exporting} leftSection={<IconDownload size={15} aria-hidden />}>
            {t('table.export')}
          </Button>
        </Tooltip>
      )}
      <Popover position="bottom-end" shadow="md" trapFocus width={300}>
        <Popover.Target>
          <Tooltip label={t('table.columns')}>
            <ActionIcon className={classes.columnsButton} variant="default" size="md" aria-label={t('table.columns')}>
              <IconColumns3 size={17} />
            </ActionIcon>
          </Tooltip>
        </Popover.Target>
        <Popover.Dropdown>
          <ul className={classes.chooser}>
            {view.order.map((id, at) => {
              const column = byId.get(id);
              if (!column) return null;
              return (
                <li key={id}>
                  <Checkbox
                    size="xs"
                    label={column.header}
                    checked={view.visible[id] !== false}
                    disabled={column.fixed}
                    onChange={(e) => onView({ ...view, visible: { ...view.visible, [id]: e.currentTarget.checked } })}
                  />
                  <span className={classes.chooserMove}>
                    <ActionIcon size="sm" variant="subtle" color="gray" disabled={at === 0} onClick={() => move(id, -1)} aria-label={t('table.move_up', { column: column.header })}>
                      <IconArrowUp size={14} />
                    </ActionIcon>
                    <ActionIcon size="sm" variant="subtle" color="gray" disabled={at === view.order.length - 1} onClick={() => move(id, 1)} aria-label={t('table.move_down', { column: column.header })}>
                      <IconArrowDown size={14} />
                    </ActionIcon>
                  </span>
                </li>
              );
            })}
          </ul>
          <Button fullWidth size="compact-sm" variant="subtle" onClick={onReset}>
            {t('table.reset_view')}
          </Button>
        </Popover.Dropdown>
      </Popover>
    </div>
  );
}
