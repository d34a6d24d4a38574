import { type ApiError, asApiError, fieldErrors } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { type ChangeEvent, useCallback, useRef, useState } from 'react';
import { fieldText } from '../form/form';

type Values = Record<string, string | boolean>;

/** Digits as Arabic, Persian or Hindi keyboards type them, in the form servers and telephones read. */
export function latinDigits(text: string): string {
  return text.replace(/[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f]/g, (d) => {
    const code = d.charCodeAt(0);
    return String(code - (code < 0x06f0 ? 0x0660 : code < 0x0966 ? 0x06f0 : 0x0966));
  });
}

/**
 * A small form: values, problems by field, the focus on the first bad field. For forms of a few
 * fields that are loaded before anything else; bigger ones use Mantine's form.
 */
export function useFields<T extends Values>(initial: T) {
  const { t } = useTranslation('security');
  const form = useRef<HTMLFormElement>(null);
  const [values, setValues] = useState<T>(initial);
  const [problems, setProblems] = useState<Partial<Record<keyof T, string>>>({});
  const [general, setGeneral] = useState<ApiError | null>(null);

  const focus = useCallback((name: string) => {
    // After the render that shows the message, so that it is read together with the field.
    setTimeout(() => form.current?.querySelector<HTMLElement>(`[name="${name}"]`)?.focus(), 0);
  }, []);

  const set = useCallback(<K extends keyof T>(name: K, value: T[K]) => {
    setValues((v) => ({ ...v, [name]: value }));
    setProblems((p) => (p[name] ? { ...p, [name]: undefined } : p));
  }, []);

  /** Shows a code of the catalogue at each named field. */
  const mark = useCallback(
    (codes: Partial<Record<keyof T, string>>) => {
      setProblems(codes);
      const first = Object.keys(codes)[0];
      if (first) focus(first);
    },
    [focus],
  );

  /** False, and the first of them has the focus, when one of the fields is empty. */
  const filled = useCallback(
    (...names: (keyof T & string)[]): boolean => {
      const missing = names.filter((n) => (typeof values[n] === 'string' ? (values[n] as string).trim() === '' : !values[n]));
      setGeneral(null);
      mark(Object.fromEntries(missing.map((n) => [n, 'required'])) as Partial<Record<keyof T, string>>);
      return missing.length === 0;
    },
    [values, mark],
  );

  /** The server's answer: at the fields it names, the rest above the form. */
  const fail = useCallback(
    (error: unknown, map: Readonly<Record<string, string>> = {}) => {
      const e = asApiError(error);
      const found = fieldErrors(e, Object.keys(initial), map);
      mark(found.fields as Partial<Record<keyof T, string>>);
      const atFields = Object.keys(found.fields).length > 0 && found.rest.length === 0;
      setGeneral(atFields || e.kind === 'declined' || e.kind === 'aborted' ? null : e);
    },
    [initial, mark],
  );

  const clear = useCallback(() => {
    setProblems({});
    setGeneral(null);
  }, []);

  const message = (name: keyof T): string | undefined => {
    const code = problems[name];
    return code === undefined ? undefined : code === 'required' ? t('required') : fieldText(code);
  };

  return {
    form,
    values,
    set,
    mark,
    filled,
    fail,
    clear,
    focus,
    general,
    /** For a text input. */
    bind: <K extends keyof T & string>(name: K) => ({
      name,
      value: values[name] as string,
      error: message(name),
      // Mantine sets it on some of its inputs only.
      'aria-invalid': problems[name] ? true : undefined,
      onChange: (e: ChangeEvent<HTMLInputElement | HTMLSelectElement>) => set(name, e.currentTarget.value as T[K]),
    }),
    /** For a checkbox. */
    tick: <K extends keyof T & string>(name: K) => ({
      name,
      checked: values[name] as boolean,
      error: message(name),
      onChange: (e: ChangeEvent<HTMLInputElement>) => set(name, e.currentTarget.checked as T[K]),
    }),
  };
}
