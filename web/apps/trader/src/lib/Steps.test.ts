import { expect, test } from 'vitest';
import { clock } from './Steps';

test('a waiting time reads like a clock', () => {
  expect([clock(12), clock(72.9), clock(3_725), clock(-1)]).toEqual(['00:12', '01:12', '01:02:05', '00:00']);
});
