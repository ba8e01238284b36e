/** A reply as it stands in a buffer. */
export interface SeenReply {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** Bytes of the buffer it takes up, interim replies before it included. */
  readonly size: number;
  /** How its end was known. `cut`: it was not, and the connection is over: half a reply. */
  readonly end: 'framed' | 'closed' | 'cut';
  readonly interim: readonly number[];
}

export class BadReply extends Error {
  override readonly name = 'BadReply';
}

/**
 * A second reader of replies, from a whole buffer and without state: the same standard as the proxy's own reader, in
 * other words. Undefined: not complete yet. Throws a BadReply for what is not HTTP/1.1.
 */
export function readReply(bytes: Buffer, method: string, closed: boolean): SeenReply | undefined {
  const interim: number[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end === -1) {
      const begun = bytes.length > at;
      if (begun && /(^|[^\r])\n/.test(bytes.toString('latin1', at))) throw new BadReply('a bare line feed');
      if (closed && begun)
        return { status: 0, reason: '', fields: [], body: Buffer.alloc(0), size: bytes.length, end: 'cut', interim };
      return undefined;
    }
    const head = readHead(bytes.toString('latin1', at, end));
    at = end + 4;
    const framing = framingOf(head);
    if (head.status >= 200) {
      const rest = readBody(bytes, at, method, closed, { ...framing, status: head.status });
      return rest === undefined
        ? undefined
        : { status: head.status, reason: head.reason, fields: head.fields, interim, ...rest };
    }
    if (head.status === 101) throw new BadReply('101');
    interim.push(head.status);
  }
}

interface Head {
  readonly minor: number;
  readonly status: number;
  readonly reason: string;
  readonly fields: (readonly [string, string])[];
}

function readHead(text: string): Head {
  const [first, ...lines] = text.split('\r\n') as [string, ...string[]];
  // Split leaves lone CRs and LFs inside the lines.
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test([first, ...lines].join(''))) throw new BadReply('a control byte');
  if (first.slice(0, 7) !== 'HTTP/1.' || !'01'.includes(first[7] ?? 'x') || first[8] !== ' ')
    throw new BadReply('status line');
  const digits = first.slice(9, 12);
  if (!/^[1-5][0-9][0-9]$/.test(digits) || (first.length > 12 && first[12] !== ' ')) throw new BadReply('status');
  const fields = lines.map((line) => {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/i.test(name)) throw new BadReply('field name');
    return [name, line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')] as const;
  });
  return { minor: Number(first[7]), status: Number(digits), reason: first.slice(13), fields };
}

type Rest = Pick<SeenReply, 'body' | 'size' | 'end'>;

/** Checked in an interim response too: what stands behind malformed framing cannot be trusted. */
function framingOf({ fields, minor }: Head): { length: string | undefined; chunked: boolean } {
  const values = (wanted: string): string[] =>
    fields.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  const lengths = values('content-length');
  const codings = values('transfer-encoding');
  if (lengths.length > 1 || codings.length > 1 || (lengths.length > 0 && codings.length > 0))
    throw new BadReply('two framings');
  if (lengths.length === 1 && !/^[0-9]{1,15}$/.test(lengths[0]!)) throw new BadReply('length');
  if (codings.length === 1 && (codings[0]!.toLowerCase() !== 'chunked' || minor === 0)) throw new BadReply('coding');
  return { length: lengths[0], chunked: codings.length === 1 };
}

interface Framed {
  readonly length: string | undefined;
  readonly chunked: boolean;
  readonly status: number;
}

function readBody(bytes: Buffer, at: number, method: string, closed: boolean, head: Framed): Rest | undefined {
  if (method === 'HEAD' || head.status === 204 || head.status === 304)
    return { body: Buffer.alloc(0), size: at, end: 'framed' };
  if (head.chunked) return readChunked(bytes, at, closed);
  if (head.length !== undefined) {
    const end = at + Number(head.length);
    if (bytes.length >= end) return { body: bytes.subarray(at, end), size: end, end: 'framed' };
    return closed ? { body: bytes.subarray(at), size: bytes.length, end: 'cut' } : undefined;
  }
  return closed ? { body: bytes.subarray(at), size: bytes.length, end: 'closed' } : undefined;
}

function readChunked(bytes: Buffer, from: number, closed: boolean): Rest | undefined {
  const chunks: Buffer[] = [];
  let at = from;
  const short = (): Rest | undefined =>
    closed ? { body: Buffer.concat(chunks), size: bytes.length, end: 'cut' } : undefined;
  const nextLine = (): string | undefined => {
    const feed = bytes.indexOf(10, at);
    if (feed === -1) return undefined;
    const line = bytes.toString('latin1', at, feed);
    if (!line.endsWith('\r')) throw new BadReply('a bare line feed');
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(line.slice(0, -1))) throw new BadReply('a control byte');
    at = feed + 1;
    return line.slice(0, -1);
  };
  for (;;) {
    const line = nextLine();
    if (line === undefined) return short();
    const size = /^([0-9a-f]{1,12})[ \t]*($|;)/i.exec(line)?.[1];
    if (size === undefined) throw new BadReply('chunk size');
    const count = Number(`0x${size}`);
    if (count === 0) break;
    if (bytes.length < at + count + 2) {
      const end = bytes.toString('latin1', at + count, at + count + 2);
      if (!'\r\n'.startsWith(end)) throw new BadReply('chunk end');
      chunks.push(bytes.subarray(at, at + count));
      return short();
    }
    if (bytes.toString('latin1', at + count, at + count + 2) !== '\r\n') throw new BadReply('chunk end');
    chunks.push(bytes.subarray(at, at + count));
    at += count + 2;
  }
  for (let line = nextLine(); line !== ''; line = nextLine()) {
    if (line === undefined) return short();
    const colon = line.indexOf(':');
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/i.test(line.slice(0, Math.max(colon, 0)))) throw new BadReply('trailer');
  }
  return { body: Buffer.concat(chunks), size: at, end: 'framed' };
}
