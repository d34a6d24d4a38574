/**
 * A reader of server-sent events over fetch. `EventSource` cannot be used: it needs every event's
 * name in advance and hides the status of a refusal.
 */

export interface SseMessage {
  id: string;
  event: string;
  data: string;
}

/** Feeds text in pieces, calls back with whole messages. Comments and `retry` are skipped. */
export class SseParser {
  private rest = '';
  private id = '';
  private event = '';
  private data: string[] = [];

  constructor(private readonly emit: (m: SseMessage) => void) {}

  push(text: string): void {
    this.rest += text;
    const lines = this.rest.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.line(line);
  }

  private line(line: string): void {
    if (line === '') {
      if (this.data.length > 0) this.emit({ id: this.id, event: this.event || 'message', data: this.data.join('\n') });
      this.event = '';
      this.data = [];
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') this.id = value;
    else if (field === 'event') this.event = value;
    else if (field === 'data') this.data.push(value);
  }
}

/** Reads until the stream ends or the signal says stop. */
export async function readSse(response: Response, emit: (m: SseMessage) => void, signal: AbortSignal): Promise<void> {
  if (!response.body) return;
  const parser = new SseParser(emit);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener('abort', stop);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
