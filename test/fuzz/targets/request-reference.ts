import assert from 'node:assert/strict';
import { readWithNode, type NodeReading } from './node-parser.ts';

/** A request as a server began to carry it out. */
export interface ServedRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  body: string;
  /** The body ended. */
  complete: boolean;
}

/** More raw bytes in targets than that are not looked at. */
const MAX_RAW_BYTES = 200;

/** What node's parser makes of requests once every byte of a target that it refuses is percent-encoded. */
export interface Reference extends NodeReading {
  /** There were such bytes. */
  readonly raw: boolean;
}

/**
 * The requests in some bytes by node's strict parser alone. Where it stops at a byte beyond ASCII in a target, and only
 * there, that byte is percent-encoded and all is read again. Undefined: there are too many of them.
 */
export function referenceOf(bytes: Buffer): Reference | undefined {
  let text = bytes;
  for (let times = 0; times < MAX_RAW_BYTES; times += 1) {
    const reading = readWithNode('request', text, { ends: false });
    const refused = text[reading.at];
    if (reading.error !== 'HPE_INVALID_URL' || refused === undefined || refused < 0x80)
      return { ...reading, raw: times > 0 };
    const encoded = Buffer.from(`%${refused.toString(16).toUpperCase()}`);
    text = Buffer.concat([text.subarray(0, reading.at), encoded, text.subarray(reading.at + 1)]);
  }
  return undefined;
}

/** Limit on an input in which header sections and bodies are as the reference reads them. Bytes. */
const MAX_COMPARED_BYTES = 8_192;

/**
 * Compares what a server carried out with the reference: nothing but what stands there, in its order, and unchanged.
 * Where nothing was refused and no connection ends early, also nothing less.
 */
export function compare(served: readonly ServedRequest[], reference: Reference, bytes: Buffer): void {
  for (const [index, { method, target, fields, body, complete }] of served.entries()) {
    const there = reference.messages[index];
    assert.ok(there !== undefined, `request ${index} was carried out and does not exist`);
    assert.deepEqual(
      { method, target, fields },
      { method: there.method, target: there.target, fields: there.fields },
      `request ${index} was carried out as another one`,
    );
    if (complete) {
      assert.ok(there.complete, `request ${index} was taken for complete`);
      assert.equal(body, there.body, `request ${index} was carried out with another body`);
    } else assert.ok(there.body.startsWith(body), `request ${index} began with another body`);
  }
  if (reference.error !== undefined || bytes.length > MAX_COMPARED_BYTES || !isPlain(reference)) return;
  // A request whose body is still awaited may be carried out before its end, or not yet.
  const complete = (all: readonly { readonly complete: boolean }[]): number => all.filter((one) => one.complete).length;
  assert.equal(complete(served), complete(reference.messages), 'another number of requests was carried out');
}

/** Every connection stays open, and no request changes the protocol. */
function isPlain({ messages, raw }: Reference): boolean {
  return messages.every(
    ({ method, version, fields, keepsAlive, upgrade }) =>
      keepsAlive &&
      !upgrade &&
      method !== 'CONNECT' &&
      version === '1.1' &&
      !fields.some(
        (text, index) =>
          index % 2 === 0 &&
          // With an expectation, node:http closes the connection if the handler responds without 100 Continue.
          (/^((proxy-)?connection|expect)$/i.test(text) ||
            // Behind a chunked body, raw bytes are encoded only if a read ends with the body.
            (raw && /^transfer-encoding$/i.test(text))),
      ),
  );
}
