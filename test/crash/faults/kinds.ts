import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { patternBytes } from '../../../src/sandbox/helper-paths.ts';

const MIB = 1024 * 1024;
/** A request that has no end by then hangs. ms. */
const DEADLINE = 20_000;

/** One kind of request, and what its complete answer is. */
export interface Kind {
  readonly name: string;
  readonly method: 'GET' | 'POST';
  /** Below the route's prefix. */
  readonly target: string;
  readonly body: Buffer | undefined;
  isComplete(answer: Buffer): boolean;
}

const POST_SMALL = patternBytes(1024);
const POST_LARGE = patternBytes(8 * MIB);

export const KINDS: readonly Kind[] = [
  get('GET', '/v1/sandbox/bytes/2000', digestOf(patternBytes(2000))),
  post('POST 1 KiB', POST_SMALL),
  post('POST 8 MiB', POST_LARGE),
  get(
    'SSE',
    '/v1/sandbox/sse?events=20&ms=50',
    digestOf(
      Buffer.from(Array.from({ length: 20 }, (_, i) => `id: ${i + 1}\nevent: tick\ndata: {"n":${i + 1}}\n\n`).join('')),
    ),
  ),
  get('download 20 MiB', `/v1/sandbox/bytes/${20 * MIB}`, digestOf(patternBytes(20 * MIB))),
];

function get(name: string, target: string, digest: string): Kind {
  return { name, method: 'GET', target, body: undefined, isComplete: (answer) => digestOf(answer) === digest };
}

/** A path that is no call of the vendor: it takes any write, and says in its answer what it got. */
function post(name: string, body: Buffer): Kind {
  const digest = digestOf(body);
  return {
    name,
    method: 'POST',
    target: '/v1/anything',
    body,
    isComplete: (answer) => answer.includes(`"bodySha256":"${digest}"`),
  };
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * How a request ended, by what the caller can see. `complete`: the upstream's whole answer, byte for byte. `ours`: an
 * error of our own, said before any byte of the upstream's. `cut`: visibly not whole. Anything else must not happen.
 */
export type Ending = 'complete' | 'ours' | 'cut' | 'hangs' | 'truncated but whole in form' | `answer ${number}`;

export interface Ended {
  readonly id: string;
  readonly ending: Ending;
  readonly code: string | undefined;
  readonly retryAfter: number | undefined;
}

/** Sends one; never rejects. */
export function send(base: string, prefix: string, kind: Kind): Promise<Ended> {
  const { hostname, port } = new URL(base);
  const id = randomBytes(6).toString('hex');
  return new Promise((resolve) => {
    let code: string | undefined;
    let retryAfter: number | undefined;
    const end = (ending: Ending): void => {
      clearTimeout(timer);
      resolve({ id, ending, code, retryAfter });
      outgoing.destroy();
    };
    const timer = setTimeout(() => end('hangs'), DEADLINE);
    const outgoing = request(
      {
        agent: false,
        host: hostname,
        port,
        path: prefix + kind.target,
        method: kind.method,
        headers: {
          'x-request-id': id,
          ...(kind.body !== undefined && {
            'content-type': 'application/octet-stream',
            'content-length': kind.body.length,
          }),
        },
      },
      (incoming) => {
        const own = incoming.headers['x-tokenward-error'];
        code = typeof own === 'string' ? own : undefined;
        retryAfter =
          incoming.headers['retry-after'] === undefined ? undefined : Number(incoming.headers['retry-after']);
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', () => end('cut'));
        incoming.on('end', () => {
          const answer = Buffer.concat(chunks);
          if (!incoming.complete) end('cut');
          else if (code !== undefined) end('ours');
          else if (incoming.statusCode !== 200) end(`answer ${incoming.statusCode ?? 0}`);
          else end(kind.isComplete(answer) ? 'complete' : 'truncated but whole in form');
        });
      },
    );
    outgoing.on('error', () => end('cut'));
    outgoing.end(kind.body);
  });
}
