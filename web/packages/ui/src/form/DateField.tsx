import { DatePickerInput, DatesProvider, type DatePickerInputProps } from '@mantine/dates';
import '@mantine/dates/styles.css';
import { useTranslation, weekOf } from '@qd/i18n';
import { useCalendarLabels, useDayjsLocale } from './dayjsLocale';

/** A day as `2026-11-20`. Import it lazily: the calendar is large. */
export default function DateField(props: Omit<DatePickerInputProps<'default'>, 'type'>) {
  const { i18n } = useTranslation();
  const locale = useDayjsLocale();
  const ariaLabels = useCalendarLabels();
  const week = weekOf(i18n.language);
  return (
    <DatesProvider settings={{ locale, firstDayOfWeek: (week.firstDay % 7) as 0, weekendDays: week.weekend.map((d) => (d % 7) as 0) }}>
      <DatePickerInput ariaLabels={ariaLabels} clearButtonProps={{ 'aria-label': i18n.t('common:clearField') }} {...props} />
    </DatesProvider>
  );
}
