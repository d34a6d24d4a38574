import { i18next, plain, serverText } from '@qd/i18n';
import { fieldText } from '@qd/ui';
import { createContext, useContext } from 'react';
import { pointerOf, type Path, type PlanDoc } from './document';

/** What the server found at a place of the document. */
export interface Fault {
  pointer: string;
  code: string;
  expected?: string;
}

export interface Editing {
  doc: PlanDoc;
  set: (path: Path, value: unknown) => void;
  /** By pointer. What is only missing waits until somebody tried to save. */
  faults: ReadonlyMap<string, Fault>;
  warnings: ReadonlyMap<string, Fault>;
}

const Context = createContext<Editing | null>(null);
export const EditingProvider = Context.Provider;

export function useEditing(): Editing {
  const e = useContext(Context);
  if (!e) throw new Error('outside of a plan editor');
  return e;
}

/** A text by key; a key that only has others below it is none. */
const inPlans = (key: string) => (typeof i18next.getResource(i18next.language, 'office-plans', key) === 'string' ? serverText('office-plans', key) : undefined);

/** The field's name, by where it stands; places in lists have the name of the list's parts. */
export const fieldName = (path: Path): string => {
  const key = path.filter((step) => typeof step === 'string').join('.');
  return inPlans(`f.${key}`) ?? inPlans(`f.${key}._`) ?? inPlans(`s.${key}`) ?? plain(String(path.filter((step) => typeof step === 'string').at(-1) ?? ''));
};
export const fieldNote = (path: Path): string | undefined => inPlans(`note.${path.filter((step) => typeof step === 'string').join('.')}`);
/** One of a fixed list of words. */
export const wordText = (list: string, value: string): string => inPlans(`word.${list}.${value}`) ?? plain(value);

/** A fault in the reader's words; a tie says with which rule. */
export function faultText(fault: Fault, doc?: PlanDoc): string {
  const other = fault.code === 'rule_tie' ? fault.expected?.match(/\/rules\/(\d+)/)?.[1] : undefined;
  if (other !== undefined) return serverText('office-plans', 'fault.rule_tie', { rule: doc?.rules?.[Number(other)]?.id ?? `${Number(other) + 1}` });
  return inPlans(`fault.${fault.code}`) ?? fieldText(fault.code);
}

/** The text of a fault at exactly this place, for a field's own error. */
export function useFault(path: Path): string | undefined {
  const { faults, doc } = useEditing();
  const fault = faults.get(pointerOf(path));
  return fault ? faultText(fault, doc) : undefined;
}
