import { plain, serverText } from '@qd/i18n';

/**
 * Who did it, for people: a colleague's name stays, and what the house did by itself says so in place of
 * the name of a job or rule (`job:client.dormancy`, `rule:lead.routing`, `events`).
 */
export function actorText(actor: string): string {
  const label = actor.replace(/^system:/, '');
  if (label === 'events' || label === 'system' || label === 'registration') return serverText('shared', 'actor.system');
  if (label === 'public') return serverText('shared', 'actor.public');
  if (/^client(\s|:|$)/.test(label)) return serverText('shared', 'actor.client');
  const made = /^(job|rule|service):(.+)$/.exec(label);
  if (!made) return label;
  const what = plain((made[2] ?? '').replaceAll('.', ' ')).toLowerCase();
  return serverText('shared', 'actor.job', { what });
}
