import { DatePickerInput, DatesProvider } from '@mantine/dates';
import '@mantine/dates/styles.css';
import { useTranslation, weekOf } from '@qd/i18n';
import { useZone } from '../show/When';
import { useCalendarLabels, useDayjsLocale } from './dayjsLocale';
import { dayEndUs, dayOf, dayStartUs } from './days';

interface Props {
  label: string;
  fromUs: number | null;
  untilUs: number | null;
  onChange: (fromUs: number | null, untilUs: number | null) => void;
  fresh?: boolean;
}

/** Days from and to, both included, in the zone in force; out come microseconds. */
export default function DateSpan({ label, fromUs, untilUs, onChange, fresh }: Props) {
  const { i18n } = useTranslation();
  const { zone } = useZone();
  const locale = useDayjsLocale();
  const ariaLabels = useCalendarLabels();
  const week = weekOf(i18n.language);
  return (
    <DatesProvider settings={{ locale, firstDayOfWeek: (week.firstDay % 7) as 0, weekendDays: week.weekend.map((d) => (d % 7) as 0) }}>
      <DatePickerInput
        type="range"
        ariaLabels={ariaLabels}
        size="xs"
        label={label}
        classNames={{ label: 'qd-hidden' }}
        placeholder={label}
        allowSingleDateInRange
        miw={150}
        autoFocus={fresh}
        value={[fromUs === null ? null : dayOf(fromUs, zone), untilUs === null ? null : dayOf(untilUs - 1, zone)]}
        onChange={([a, b]) => onChange(a ? dayStartUs(a, zone) : null, b ? dayEndUs(b, zone) : null)}
      />
    </DatesProvider>
  );
}
