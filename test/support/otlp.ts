import { createServer, type IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { eventually } from './eventually.ts';

/** A span as a receiver got it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it is the root of its trace. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly startedAt: bigint;
  readonly endedAt: bigint;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 2: an error. */
  readonly status: number;
  readonly message: string;
  readonly resource: Readonly<Record<string, string | number | boolean>>;
}

export interface SpanReceiver {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** Of every request: its target, header fields and bytes. */
  readonly requests: { readonly target: string; readonly headers: IncomingHttpHeaders; readonly body: Buffer }[];
  /** The spans once these are there. Rejects after ten seconds. */
  until(complete: (spans: readonly ReceivedSpan[]) => boolean): Promise<readonly ReceivedSpan[]>;
  close(): Promise<void>;
}

/** How a receiver behaves: the status it responds with, or `hang`. */
export type ReceiverMode = () => number | 'hang';

/** A receiver of this process. It keeps what it has responded to with 200. */
export async function spanReceiver(mode: ReceiverMode = () => 200, port = 0): Promise<SpanReceiver> {
  const spans: ReceivedSpan[] = [];
  const requests: SpanReceiver['requests'] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      requests.push({ target: request.url ?? '', headers: request.headers, body });
      const status = mode();
      if (status === 'hang') return;
      if (status === 200) spans.push(...spansOf(body));
      response.writeHead(status).end();
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    async until(complete) {
      await eventually('the spans are here', () => complete(spans));
      return spans;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The spans of an ExportTraceServiceRequest (opentelemetry-proto, trace.proto). */
export function spansOf(message: Buffer): ReceivedSpan[] {
  return fieldsOf(message, 1).flatMap((perResource) => {
    const resource = attributesOf(Buffer.concat(fieldsOf(perResource, 1)), 1);
    return fieldsOf(perResource, 2)
      .flatMap((perScope) => fieldsOf(perScope, 2))
      .map((span) => {
        const id = (number: number, of = span): string => fieldsOf(of, number)[0]?.toString('hex') ?? '';
        const [status = Buffer.alloc(0)] = fieldsOf(span, 15);
        return {
          traceId: id(1),
          spanId: id(2),
          parentSpanId: id(4),
          name: textOf(span, 5),
          kind: Number(numberOf(span, 6)),
          startedAt: numberOf(span, 7),
          endedAt: numberOf(span, 8),
          attributes: attributesOf(span, 9),
          links: fieldsOf(span, 13).map((link) => ({ traceId: id(1, link), spanId: id(2, link) })),
          status: Number(numberOf(status, 3)),
          message: textOf(status, 2),
          resource,
        };
      });
  });
}

function attributesOf(message: Buffer, number: number): Record<string, string | number | boolean> {
  return Object.fromEntries(
    fieldsOf(message, number).map((pair) => {
      const [value = Buffer.alloc(0)] = fieldsOf(pair, 2);
      const [[kind, content] = []] = walk(value);
      const read =
        kind === 1 ? String(content) : kind === 2 ? content === 1n : kind === 4 ? asDouble(content) : Number(content);
      return [textOf(pair, 1), read];
    }),
  );
}

function asDouble(content: Buffer | bigint | undefined): number {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(content as bigint);
  return bytes.readDoubleLE();
}

function textOf(message: Buffer, number: number): string {
  return fieldsOf(message, number)[0]?.toString() ?? '';
}

function numberOf(message: Buffer, number: number): bigint {
  return (walk(message).find(([field]) => field === number)?.[1] as bigint | undefined) ?? 0n;
}

/** The embedded messages, texts and bytes with this number. */
function fieldsOf(message: Buffer, number: number): Buffer[] {
  return walk(message).flatMap(([field, content]) => (field === number && Buffer.isBuffer(content) ? [content] : []));
}

/** Protocol Buffers' wire format: every field with its number. */
function walk(message: Buffer): [number, Buffer | bigint][] {
  const fields: [number, Buffer | bigint][] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at]!;
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    const kind = tag & 7;
    if (kind === 0) fields.push([tag >> 3, varint()]);
    else if (kind === 1) {
      fields.push([tag >> 3, message.readBigUInt64LE(at)]);
      at += 8;
    } else if (kind === 5) {
      fields.push([tag >> 3, BigInt(message.readUInt32LE(at))]);
      at += 4;
    } else {
      const length = Number(varint());
      fields.push([tag >> 3, message.subarray(at, at + length)]);
      at += length;
    }
  }
  return fields;
}
