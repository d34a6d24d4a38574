import { expect, test } from 'vitest';
import { csv } from './csv';

test('a statement opens in a spreadsheet without running anything', () => {
  const text = csv(['a', 'b'], [['=1+1', 'x,"y"'], ['-12.50', '-cmd']]);
  expect(text).toBe('\ufeffa,b\r\n\'=1+1,"x,""y"""\r\n-12.50,\'-cmd\r\n');
});
