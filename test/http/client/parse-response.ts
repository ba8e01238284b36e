import { ResponseError, ResponseParser, type ResponseHead } from '../../../src/http/client/response-parser.ts';

type Part = 'head' | 'body' | 'end';

/** What a parser found in a response. */
export interface Found {
  readonly head: ResponseHead | undefined;
  /** The pieces of the body as they were passed on. */
  readonly pieces: readonly Buffer[];
  readonly ends: number;
  /** What was passed on, in its order. */
  readonly order: readonly Part[];
  /** Why it was refused. */
  readonly error: string | undefined;
  readonly parser: ResponseParser;
}

/** Feeds a new parser with some pieces; `closes`: the upstream closes the connection behind them. */
export function parse(pieces: readonly Buffer[], method = 'GET', closes = false): Found {
  let head: ResponseHead | undefined;
  let ends = 0;
  let error: string | undefined;
  const body: Buffer[] = [];
  const order: Part[] = [];
  const parser = new ResponseParser({
    onHead(got) {
      head = got;
      order.push('head');
    },
    onBody(piece) {
      body.push(piece);
      order.push('body');
    },
    onEnd() {
      ends += 1;
      order.push('end');
    },
  });
  parser.expect(method);
  try {
    for (const piece of pieces) parser.feed(piece);
    if (closes) parser.closed();
  } catch (thrown) {
    if (!(thrown instanceof ResponseError)) throw thrown;
    error = thrown.message;
  }
  return { head, pieces: body, ends, order, error, parser };
}

/** The same for a text that comes in one piece. */
export function parseText(text: string, method = 'GET', closes = false): Found {
  return parse([latin1(text)], method, closes);
}

export function bodyOf({ pieces }: Found): string {
  return Buffer.concat(pieces).toString('latin1');
}

export function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
