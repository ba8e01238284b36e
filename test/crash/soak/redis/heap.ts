import { WebSocket } from 'undici';

/** How long a process may take to collect its garbage and say what is left. ms. */
const PATIENCE = 20_000;

interface Reply {
  readonly id: number;
  readonly result?: { readonly usedSize?: number; readonly result?: { readonly value?: unknown } };
}

/** What a process keeps: its heap after a full collection, by its inspector. */
export interface Heap {
  readonly pid: number;
  readonly bytes: number;
}

/**
 * Collects the garbage of the process whose inspector listens at this URL, twice: what the first collection has
 * finalized goes with the second. Undefined: the process is gone.
 */
export async function heapAfterCollection(url: string): Promise<Heap | undefined> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, (reply: Reply) => void>();
  let sent = 0;
  socket.addEventListener('message', ({ data }) => {
    const reply = JSON.parse(String(data)) as Reply;
    waiting.get(reply.id)?.(reply);
  });
  const ask = (method: string, params = {}): Promise<Reply> => {
    sent += 1;
    const id = sent;
    return new Promise((resolve) => {
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params }));
    });
  };
  const measure = async (): Promise<Heap> => {
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error('no inspector')));
    });
    const { result } = await ask('Runtime.evaluate', { expression: 'process.pid' });
    await ask('HeapProfiler.collectGarbage');
    await ask('HeapProfiler.collectGarbage');
    const { result: usage } = await ask('Runtime.getHeapUsage');
    return { pid: Number(result?.result?.value), bytes: usage!.usedSize! };
  };
  const tooLate = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), PATIENCE).unref());
  try {
    return await Promise.race([measure(), tooLate]).catch(() => undefined);
  } finally {
    socket.close();
  }
}
