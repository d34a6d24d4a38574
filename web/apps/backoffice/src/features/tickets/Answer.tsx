import { Button, Group, Menu, SegmentedControl, Stack, Textarea } from '@mantine/core';
import { call, useApiQuery, useWrite } from '@qd/api';
import { languageName, useTranslation } from '@qd/i18n';
import { Card, errorText, Notice, say } from '@qd/ui';
import { useState } from 'react';

type Then = 'ask_client' | 'keep_working' | 'solve';

/** An answer to the client, or a note among staff. Prepared texts say the same words as the portals. */
export function Answer({ id, language, category, onSent }: { id: string; language: string; category: string; onSent: () => void }) {
  const { t, i18n } = useTranslation('office-tickets');
  const [kind, setKind] = useState<'reply' | 'note'>('reply');
  const [body, setBody] = useState('');
  const [failed, setFailed] = useState<unknown>(null);
  const [empty, setEmpty] = useState(false);
  const reply = useWrite('post', '/api/v1/tickets/{id}/reply');
  const note = useWrite('post', '/api/v1/tickets/{id}/note');
  const macros = useApiQuery('/api/v1/tickets/macros', {});
  const offered = (macros.data?.items ?? []).filter((m) => m.active && (!m.category || m.category === category));
  const fill = async (macro: string) => {
    try {
      const filled = await call('get', '/api/v1/tickets/{id}/macros/{macro_id}', { path: { id, macro_id: macro } });
      setBody((before) => (before.trim() ? `${before.trim()}\n\n${filled.text}` : filled.text));
      setFailed(null);
    } catch (error) {
      setFailed(error);
    }
  };
  const send = async (then: Then) => {
    if (!body.trim()) {
      setEmpty(true);
      return;
    }
    try {
      if (kind === 'note') await note.run({ path: { id }, body: { body: body.trim() } });
      // oxlint-disable-next-line unicorn/no-thenable -- the API's own word, and a text: nobody awaits it.
      else await reply.run({ path: { id }, body: { body: body.trim(), then } });
      setBody('');
      setEmpty(false);
      setFailed(null);
      say(kind === 'note' ? t('done.note') : t('done.reply'));
      onSent();
    } catch (error) {
      setFailed(error);
    }
  };
  return (
    <Card>
      <Stack>
        <Group justify="space-between">
          <SegmentedControl
            aria-label={t('what')}
            value={kind}
            onChange={(v) => setKind(v as 'reply' | 'note')}
            data={[
              { value: 'reply', label: t('reply') },
              { value: 'note', label: t('note') },
            ]}
          />
          {kind === 'reply' && offered.length > 0 && (
            <Menu position="bottom-end">
              <Menu.Target>
                <Button variant="default">{t('macros')}</Button>
              </Menu.Target>
              <Menu.Dropdown>
                {offered.map((m) => (
                  <Menu.Item key={m.id} onClick={() => void fill(m.id)}>
                    <bdi>{m.title}</bdi>
                  </Menu.Item>
                ))}
              </Menu.Dropdown>
            </Menu>
          )}
        </Group>
        {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
        <Textarea
          aria-label={kind === 'reply' ? t('replyLabel', { language: languageName(i18n.language, language) }) : t('noteLabel')}
          description={kind === 'reply' ? t('replyLabel', { language: languageName(i18n.language, language) }) : t('noteLabel')}
          autosize
          minRows={4}
          maxRows={16}
          dir="auto"
          value={body}
          error={empty && !body.trim() ? t('write') : undefined}
          onChange={(e) => setBody(e.currentTarget.value)}
        />
        <Group gap="xs">
          {kind === 'note' ? (
            <Button loading={note.busy} onClick={() => void send('keep_working')}>
              {t('addNote')}
            </Button>
          ) : (
            <>
              <Button loading={reply.busy} onClick={() => void send('ask_client')}>
                {t('then.ask_client')}
              </Button>
              <Button variant="default" disabled={reply.busy} onClick={() => void send('keep_working')}>
                {t('then.keep_working')}
              </Button>
              <Button variant="default" disabled={reply.busy} onClick={() => void send('solve')}>
                {t('then.solve')}
              </Button>
            </>
          )}
        </Group>
      </Stack>
    </Card>
  );
}
