import { Caller } from '../caller.ts';
import { request } from '../corpus/requests.ts';
import { wait } from '../pieces.ts';
import { echo } from '../raw-server.ts';
import type { Stage } from '../stage.ts';

export interface AbandonedResult {
  readonly callers: number;
  /** Requests that had arrived upstream when the callers hung up. */
  readonly arrived: number;
  /** Of them, those still open 300 ms later. */
  readonly open: number;
}

const CALLERS = 200;
const AFTER = 300;
const UPLOAD = 8 * 1024 * 1024;

/** Callers who leave: while the upstream thinks, in the middle of its reply, in the middle of their upload. */
export async function abandoned(stage: Stage): Promise<AbandonedResult> {
  const { idle, subject } = stage;
  await subject.revive();
  idle.mark();
  idle.answerer = (arrival) => {
    if (arrival.request.target.startsWith('/base/thinks')) return undefined;
    if (arrival.request.target.startsWith('/base/replies'))
      return [
        'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n',
        ...Array.from({ length: 200 }, () => ['half', 50]).flat(),
      ];
    return echo(arrival);
  };
  const kinds = ['thinks', 'replies', 'uploads'] as const;
  const callers = await Promise.all(
    Array.from({ length: CALLERS }, async (_, i) => {
      const caller = await Caller.open(subject);
      const kind = kinds[i % kinds.length]!;
      const body = kind === 'uploads' ? [Buffer.alloc(64 * 1024, 0x62)] : [];
      void caller.say([
        request(
          `${kind === 'uploads' ? 'POST' : 'GET'} /idle/${kind}-${i}`,
          kind === 'uploads' ? [`Content-Length: ${UPLOAD}`] : [],
        ),
        ...body,
      ]);
      return caller;
    }),
  );
  for (let i = 0; i < 100 && idle.unanswered < CALLERS; i += 1) await wait(50);
  const arrived = idle.unanswered;
  for (const caller of callers) caller.hangUp();
  await wait(AFTER);
  const open = idle.unanswered;
  idle.answerer = echo;
  idle.cut();
  return { callers: CALLERS, arrived, open };
}
