import { describe, expect, it } from 'vitest';
import { actorText } from './actor';

describe('who did it', () => {
  it('keeps the name of a colleague', () => {
    expect(actorText('Oliver Hayes')).toBe('Oliver Hayes');
    expect(actorText('Clienta Jobson')).toBe('Clienta Jobson');
  });
  it('never shows the name of a job or the id of a client', () => {
    for (const raw of ['events', 'system:registration', 'system:events', 'job:client.dormancy', 'rule:lead.routing', 'client cli_01M7JD9EJ86WTQPK0QESYV9M6T', 'public']) {
      expect(actorText(raw)).not.toContain(raw);
      expect(actorText(raw)).not.toMatch(/[:_]/);
    }
  });
});
