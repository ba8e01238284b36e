import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { randomFrom } from '../harness/random.ts';
import { Caller } from './caller.ts';
import { AUTH, connect as connectText, HOST } from './corpus/t-tunnels.ts';
import type { ForwardSubject } from './forward-stage.ts';
import type { Passage, TlsInside, TunnelItem } from './item.ts';
import { passageWrong, seenText, type Verdict } from './judge-requests.ts';
import { joined, wait, type Pieces } from './pieces.ts';
import { RequestStream } from './strict-reader.ts';

/** Where a CONNECT stands on its connection. */
export type TunnelPlace = 'alone' | 'kept';

const ANSWER_MOST = 4_000;
const END_MOST = 2_500;
/** Ten seconds for a handshake, and some for a busy machine. */
const SLOW_MOST = 14_000;
const SETTLE = 25;

/** Does what an item says, and judges by what came of it on both sides. */
export async function judgeTunnel(on: ForwardSubject, item: TunnelItem, place: TunnelPlace): Promise<Verdict> {
  const { subject, api, outside } = on;
  await subject.revive();
  const caller = await Caller.open(subject);
  let inner: Caller | undefined;
  try {
    if (place === 'kept') {
      await caller.say([`GET /api/before HTTP/1.1\r\nHost: listener\r\n${AUTH}\r\n\r\n`]);
      const observed = await caller.answer('GET', ANSWER_MOST);
      if (observed.kind !== 'answer' || observed.answer.status !== 200)
        return { wrong: 'the good request before it failed', leaked: 0 };
    }
    api.mark();
    outside.mark();
    const speaking = caller.say(filled(item.send, on));
    const wrong = await outcome(on, item, caller, (opened) => (inner = opened));
    await speaking;
    if (typeof item.fate === 'object' || item.fate === 'echo') return { wrong, leaked: 0 };
    // What is on its way gets there.
    if (item.fate === 'end') await wait(SETTLE);
    // Slow items run at the same time, and the good request before another one is no leak of this one.
    const isOthers = api.faults.length === 0 && api.arrivals.every(({ request }) => request.target === '/base/before');
    const leaked = (item.slow === true && isOthers ? 0 : api.bytes) + outside.bytes;
    return { wrong: wrong ?? (leaked > 0 ? `${leaked} bytes upstream: ${seenText(on)}` : undefined), leaked };
  } finally {
    inner?.hangUp();
    caller.hangUp();
    if (api.faults.length > 0 || api.unanswered > 0) api.cut();
  }
}

async function outcome(
  on: ForwardSubject,
  item: TunnelItem,
  caller: Caller,
  opened: (inner: Caller) => void,
): Promise<string | undefined> {
  const { inside, fate, cut = false } = item;
  const most = item.slow === true ? SLOW_MOST : END_MOST;
  if (inside === undefined) {
    if (fate === 'end') return (await caller.closesWithin(most)) ? undefined : 'the connection stays open';
    if (fate === 'refuse') return refusal(caller, item, joined(item.send).toString('latin1', 0, 7) === 'CONNECT');
    return passages(on, caller, fate as readonly Passage[]);
  }
  const status = await caller.head(ANSWER_MOST);
  if (status !== 200) return `CONNECT: ${status ?? 'no answer'}`;
  if ('raw' in inside) {
    const sent = filled(inside.raw, on);
    const speaking = caller.say(sent);
    const wrong = fate === 'echo' ? await echoed(on, caller, joined(sent)) : await ended(caller, most);
    caller.hangUp();
    await speaking;
    return wrong;
  }
  if ('plain' in inside) return spoken(on, item, caller, inside.plain, cut);
  const tls = await secured(on, caller, inside);
  if (tls === undefined) {
    if (inside.tls.fails !== true) return 'the handshake failed';
    return (await closes(caller.socket, most)) ? undefined : 'the connection stays open behind a failed handshake';
  }
  const inner = new Caller(tls, caller.socket);
  opened(inner);
  if (inside.tls.fails === true) return 'the handshake succeeded';
  for (let i = 0; i < (inside.tls.renegotiate ?? 0) && !tls.destroyed; i += 1)
    await Promise.race([new Promise((done) => tls.renegotiate({}, done)), wait(200)]);
  return spoken(on, item, inner, inside.send, cut);
}

/** What is wrong with what came of words within a tunnel. */
async function spoken(
  on: ForwardSubject,
  item: TunnelItem,
  caller: Caller,
  send: Pieces,
  cut: boolean,
): Promise<string | undefined> {
  const speaking = caller.say(filled(send, on)).then(async () => {
    if (!cut) return;
    await wait(40);
    caller.socket.end();
  });
  const wrong =
    item.fate === 'refuse'
      ? await refusal(caller, item, false)
      : item.fate === 'end'
        ? await ended(caller, END_MOST)
        : await passages(on, caller, item.fate as readonly Passage[]);
  await speaking;
  return wrong;
}

/** What is wrong with how it was refused. */
async function refusal(caller: Caller, item: TunnelItem, closing: boolean): Promise<string | undefined> {
  const observed = await caller.answer('GET', ANSWER_MOST);
  if (observed.kind === 'closed' && item.status === undefined) return undefined;
  if (observed.kind !== 'answer') {
    const text = caller.rest.toString('latin1', 0, 60);
    return text.startsWith('HTTP/1.1 2') ? 'a tunnel was opened' : `${observed.kind} instead of a refusal`;
  }
  const { status } = observed.answer;
  if (item.status !== undefined && status !== item.status) return `refused with ${status}, not ${item.status}`;
  if (status < 400 || (status >= 500 && ![501, 505, 508].includes(status))) return `answered ${status}`;
  const more = await caller.answer('GET', SETTLE);
  if (more.kind === 'answer' && more.answer.status < 400) return `a second answer, ${more.answer.status}`;
  if (closing && !(await caller.closesWithin(END_MOST))) return 'the connection stays open behind a refusal';
  return undefined;
}

/** What is wrong with how it ended: nothing may be said in HTTP that is no refusal. */
async function ended(caller: Caller, most: number): Promise<string | undefined> {
  if (!(await caller.closesWithin(most))) return 'the connection stays open';
  return /HTTP\/1\.1 2/.test(caller.rest.toString('latin1')) ? 'a response to what is no request' : undefined;
}

async function echoed({ outside }: ForwardSubject, caller: Caller, sent: Buffer): Promise<string | undefined> {
  for (const deadline = Date.now() + ANSWER_MOST; caller.rest.length < sent.length; await wait(5))
    if (caller.closed || Date.now() > deadline) return `${caller.rest.length} of ${sent.length} bytes came back`;
  if (!caller.rest.equals(sent)) return 'other bytes came back';
  return outside.asked.length === 1 ? undefined : `the egress proxy was asked ${outside.asked.length} times`;
}

async function passages(on: ForwardSubject, caller: Caller, expected: readonly Passage[]): Promise<string | undefined> {
  const { api } = on;
  for (const { method, target } of expected) {
    const observed = await caller.answer(method, ANSWER_MOST);
    if (observed.kind !== 'answer') return `${method} ${target}: ${observed.kind}`;
    const { status, body } = observed.answer;
    if (status !== 200) return `${method} ${target}: answered ${status}`;
    if (method !== 'HEAD' && body.toString('latin1') !== `${method} /base${target}`)
      return `${target}: an answer to something else`;
  }
  const more = await caller.answer('GET', 5);
  if (more.kind === 'answer' && more.answer.status < 400) return `one answer too many, ${more.answer.status}`;
  if (api.faults.length > 0) return `upstream: ${api.faults[0]!.what}: ${seenText(on)}`;
  const order = api.arrivals.map(({ request }) => `${request.method} ${request.target}`).join();
  if (order !== expected.map(({ method, target }) => `${method} /base${target}`).join())
    return `not these requests upstream: ${seenText(on)}`;
  for (const [i, passage] of expected.entries()) {
    const wrong = passageWrong(api.arrivals[i]!.request, passage, on);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** A TLS connection in the tunnel; undefined if the handshake failed. */
async function secured(on: ForwardSubject, caller: Caller, { tls: how }: TlsInside): Promise<TLSSocket | undefined> {
  const { servername = HOST, version, alpn = ['http/1.1'], bytewise } = how;
  const socket = caller.release();
  const tls = connect({
    socket: bytewise === true ? new Bytewise(socket) : socket,
    ca: on.authority,
    checkServerIdentity: () => undefined,
    ...(servername !== null && { servername }),
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    ...(version && { minVersion: version, maxVersion: version }),
    // OpenSSL 3 offers TLS 1.0 and 1.1 at this level only.
    ...(version !== undefined && version < 'TLSv1.2' && { ciphers: 'DEFAULT@SECLEVEL=0' }),
  });
  tls.on('error', () => undefined);
  const isSecure = await new Promise<boolean>((resolve) => {
    tls.once('secureConnect', () => resolve(true));
    tls.once('close', () => resolve(false)).once('end', () => resolve(false));
    setTimeout(() => resolve(false), ANSWER_MOST).unref();
  });
  if (isSecure) return tls;
  tls.destroy();
  return undefined;
}

async function closes(socket: Socket, most: number): Promise<boolean> {
  socket.resume();
  for (const deadline = Date.now() + most; !socket.destroyed && !socket.readableEnded; await wait(5))
    if (Date.now() > deadline) return false;
  return true;
}

/** Writes the first 300 bytes of a connection one by one. */
class Bytewise extends Duplex {
  readonly #socket: Socket;
  #left = 300;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.push(bytes));
    socket.on('end', () => this.push(null)).on('close', () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    void this.#send(bytes).then(() => done());
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  async #send(bytes: Buffer): Promise<void> {
    const slow = Math.min(this.#left, bytes.length);
    this.#left -= slow;
    for (const byte of bytes.subarray(0, slow)) {
      this.#socket.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    if (slow < bytes.length) this.#socket.write(bytes.subarray(slow));
  }
}

function filled(pieces: Pieces, { subject, operatorPort }: ForwardSubject): Pieces {
  return pieces.map((piece) =>
    typeof piece === 'string'
      ? piece.replaceAll('{proxy}', String(subject.port)).replaceAll('{operator}', String(operatorPort))
      : piece,
  );
}

/** How long a changed CONNECT is waited for: most wait for the rest of what they announce. */
const SILENCE = 150;
const TOGETHER = 16;

/**
 * A CONNECT with one byte of it changed, so many times. If it opens a tunnel, then the strict reader finds one CONNECT
 * there, and the tunnel leads to the host that this reader finds. Returns what was wrong.
 */
export async function changedConnects(
  on: ForwardSubject,
  seed: number,
  count: number,
): Promise<(string | undefined)[]> {
  const random = randomFrom(seed);
  const { api, outside } = on;
  const judge = async (): Promise<string | undefined> => {
    const bytes = Buffer.from(connectText(`${HOST}:443`, [`Host: ${HOST}:443`, AUTH]), 'latin1');
    const [at, byte] = [Math.floor(random.next() * bytes.length), Math.floor(random.next() * 256)];
    bytes[at] = byte;
    await on.subject.revive();
    const caller = await Caller.open(on.subject);
    await caller.say([bytes]);
    const status = await caller.head(SILENCE);
    caller.hangUp();
    if (status === undefined || (status >= 400 && status < 500)) return undefined;
    const named = `byte ${at} as 0x${byte.toString(16).padStart(2, '0')}`;
    if (status !== 200) return `${named}: answered ${status}`;
    // The strict reader knows no authority form.
    const [line = '', target] = /^CONNECT ([!-~]+) HTTP\/1\.[01]\r\n/.exec(bytes.toString('latin1')) ?? [];
    const stream = new RequestStream();
    stream.feed(Buffer.concat([Buffer.from('GET / HTTP/1.1\r\n'), bytes.subarray(line.length)]));
    if (target === undefined || stream.fault !== undefined || stream.rest.length > 0)
      return `${named}: a tunnel for ${stream.fault ?? 'what is no CONNECT'}`;
    if (/^api\.vendor\.example:0*(443|80)$/i.test(target)) return undefined;
    return outside.asked.includes(target.toLowerCase())
      ? undefined
      : `${named}: a tunnel to ${target} that leads elsewhere`;
  };
  api.mark();
  outside.mark();
  const found: (string | undefined)[] = [];
  for (let i = 0; i < count; i += TOGETHER)
    found.push(...(await Promise.all(Array.from({ length: Math.min(TOGETHER, count - i) }, judge))));
  if (api.bytes + outside.bytes > 0) found.push(`${api.bytes + outside.bytes} bytes upstream`);
  return found;
}
