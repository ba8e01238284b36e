import { createRequire } from 'node:module';

/** What node:http reads with, without a socket: llhttp in its strict mode. Not documented; the same since Node 12. */
interface Parser {
  initialize(type: number, resource: object, maxHeaderSize: number, lenientFlags: number): void;
  execute(bytes: Buffer): number | Error;
  finish(): undefined | Error;
  close(): void;
  [event: number]: unknown;
}

interface ParserClass {
  new (): Parser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as {
  readonly HTTPParser: ParserClass;
  readonly methods: readonly string[];
};

const MAX_HEAD_BYTES = 256 * 1024;
/** Answers to a header section: whether a body follows. */
const AS_FRAMED = 0;
const NO_BODY = 1;

/** A message as node's parser reads it. */
export interface NodeMessage {
  /** 0 for a request. */
  readonly status: number;
  readonly reason: string;
  /** Empty for a response. */
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly fields: string[];
  body: string;
  complete: boolean;
  readonly keepsAlive: boolean;
  readonly upgrade: boolean;
}

/** `error`: why the rest is refused; `at`: the position of the refused byte. */
export interface NodeReading {
  readonly messages: readonly NodeMessage[];
  readonly error: string | undefined;
  readonly at: number;
}

/** What node's parser makes of some bytes. `method`: of the request that responses are to; `ends`: the end follows. */
export function readWithNode(
  kind: 'request' | 'response',
  bytes: Buffer,
  { method = 'GET', ends = true }: { readonly method?: string; readonly ends?: boolean } = {},
): NodeReading {
  const messages: NodeMessage[] = [];
  let fields: string[] = [];
  let target = '';
  const parser = new HTTPParser();
  parser.initialize(kind === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {}, MAX_HEAD_BYTES, 0);
  // Header sections of more than 32 fields come in parts, and trailer sections this way only.
  parser[HTTPParser.kOnHeaders] = (more: string[], url: string) => {
    fields.push(...more);
    target += url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    major: number,
    minor: number,
    last: string[] | undefined,
    methodIndex: number | undefined,
    url: string | undefined,
    status: number | undefined,
    reason: string | undefined,
    upgrade: boolean,
    keepsAlive: boolean,
  ): number => {
    messages.push({
      status: status ?? 0,
      reason: reason ?? '',
      method: kind === 'request' ? methods[methodIndex!]! : '',
      target: url ?? target,
      version: `${major}.${minor}`,
      fields: last ?? fields,
      body: '',
      complete: false,
      keepsAlive,
      upgrade,
    });
    fields = [];
    target = '';
    return kind === 'response' && method === 'HEAD' ? NO_BODY : AS_FRAMED;
  };
  parser[HTTPParser.kOnBody] = (piece: Buffer) => {
    messages.at(-1)!.body += piece.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    messages.at(-1)!.complete = true;
    // A trailer section has been flushed like a part of a header section.
    fields = [];
    target = '';
  };
  const result = parser.execute(bytes);
  const error = (result instanceof Error ? result : ends ? parser.finish() : undefined) as
    (Error & { readonly code?: string; readonly bytesParsed?: number }) | undefined;
  parser.close();
  const last = messages.at(-1);
  if (kind === 'request' && typeof result === 'number' && result < bytes.length && last?.upgrade === true) {
    // node:http goes on behind an Upgrade that nobody takes. Behind CONNECT it does not.
    if (last.method === 'CONNECT') return { messages, error: undefined, at: bytes.length };
    const rest = readWithNode(kind, bytes.subarray(result), { method, ends });
    return { messages: [...messages, ...rest.messages], error: rest.error, at: result + rest.at };
  }
  return { messages, error: error?.code ?? error?.message, at: error?.bytesParsed ?? bytes.length };
}
