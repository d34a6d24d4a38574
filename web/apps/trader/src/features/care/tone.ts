import type { Tone } from '@qd/ui';

const tones: Record<string, Tone> = { open: 'wait', waiting_us: 'wait', waiting_client: 'warn', solved: 'good', closed: 'idle' };
export const ticketTone = (state: string): Tone => tones[state] ?? 'idle';
