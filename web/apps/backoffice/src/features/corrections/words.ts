import type { Schema } from '@qd/api';
import { hasText, plain, serverText } from '@qd/i18n';

export type Request = Schema<'CorrectionRequest'>;
const word = (part: string, code: string): string => (hasText('office-engine', `${part}.${code}`) ? serverText('office-engine', `${part}.${code}`) : plain(code));
export const causeText = (code: string): string => word('cause', code);
export const changeText = (code: string): string => word('change', code);
export const policyText = (code: string): string => word('policy', code);
