import { connect, type TLSSocket } from 'node:tls';
import { Caller } from './caller.ts';
import type { OnVerdict } from './classes.ts';
import { AUTH, BESIDE, connect as connectText, tunnels } from './corpus/t-tunnels.ts';
import { startForwardStage, type ForwardStage, type ForwardSubject } from './forward-stage.ts';
import type { TunnelItem } from './item.ts';
import { changedConnects, judgeTunnel, type TunnelPlace } from './judge-tunnels.ts';
import type { Verdict } from './judge-requests.ts';
import type { Options } from './options.ts';
import { wait } from './pieces.ts';
import type { ClassResult } from './report.ts';

const PLACES: readonly TunnelPlace[] = ['alone', 'kept'];
/** Changed CONNECTs, each a connection of its own. */
const CHANGED = { quick: 400, otherwise: 4_000 };
/** A well-behaved client is served within this time. ms. */
const SERVED_MOST = 5_000;
const PAUSE = 100;
/** How long after the last item everything must be closed. ms. */
const CLOSED_MOST = 6_000;

/** Class T: item after item, on two proxies of its own; those that wait for a time limit meanwhile. */
export async function runTunnelClass({ engine, seed, quick }: Options, onVerdict: OnVerdict): Promise<ClassResult> {
  const stage = await startForwardStage(engine);
  const subjects = [stage.open, stage.keyed];
  let [items, asExpected, leaked] = [0, 0, 0];
  const count = (what: string, wrong: string | undefined): void => {
    items += 1;
    if (wrong === undefined) asExpected += 1;
    onVerdict(what, wrong);
  };
  const judge = async (item: TunnelItem, place: TunnelPlace): Promise<void> => {
    const on = stage[item.subject];
    const { deaths } = on.subject;
    const verdict = await judgeTunnel(on, item, place).catch((error: unknown): Verdict => ({
      wrong: String(error),
      leaked: 0,
    }));
    leaked += verdict.leaked;
    const wrong = on.subject.deaths > deaths ? `${verdict.wrong ?? ''}; the process ended` : verdict.wrong;
    count(`${item.id} ${item.about}${place === 'alone' ? '' : ` (${place})`}`, wrong);
  };
  try {
    const before = subjects.map((on) => on.descriptors());
    const others = subjects.map((on) => new Others(on));
    const slow = tunnels.filter((item) => item.slow === true).map((item) => judge(item, 'alone'));
    for (const item of tunnels)
      if (item.slow !== true)
        for (const place of item.once === true ? PLACES.slice(0, 1) : PLACES) await judge(item, place);
    for (const wrong of await changedConnects(stage.keyed, seed, quick ? CHANGED.quick : CHANGED.otherwise))
      count('T000 a CONNECT with a byte changed', wrong);
    await Promise.all(slow);
    for (const one of others) count('T000 other clients are served meanwhile', await one.end());
    for (const [i, on] of subjects.entries()) {
      count('T000 every tunnel has been closed', await closed(on));
      count('T000 every descriptor has been closed', await released(stage, on, before[i]));
    }
    const uncaught = subjects.reduce((sum, { subject }) => sum + subject.deaths + subject.faults().length, 0);
    count('T000 nothing uncaught', uncaught === 0 ? undefined : (subjects.flatMap(faultsOf)[0] ?? 'a process ended'));
    return { items, asExpected, leaked, uncaught };
  } finally {
    await stage.stop();
  }
}

function faultsOf({ subject }: ForwardSubject): string[] {
  return subject.faults();
}

async function closed(on: ForwardSubject): Promise<string | undefined> {
  let open = await on.tunnelsOpen();
  for (const deadline = Date.now() + CLOSED_MOST; open > 0 && Date.now() < deadline; await wait(50))
    open = await on.tunnelsOpen();
  return open === 0 ? undefined : `tokenward_tunnels_open is ${open}`;
}

/** `before`: descriptors when nothing had been asked yet. */
async function released(
  { open, keyed }: ForwardStage,
  on: ForwardSubject,
  before: number | undefined,
): Promise<string | undefined> {
  if (before === undefined) return undefined;
  // Idle connections to upstreams are kept on purpose.
  for (const { api, beside } of [open, keyed]) for (const server of [api, beside]) server.cut();
  let now = on.descriptors()!;
  for (const deadline = Date.now() + CLOSED_MOST; now > before && Date.now() < deadline; await wait(50))
    now = on.descriptors()!;
  // The connection by which the metric was asked for may be kept.
  return now <= before + 1 ? undefined : `${now} descriptors, before it ${before}`;
}

/** Well-behaved clients beside the others: one in a tunnel that stays, and one tunnel after the other. */
class Others {
  readonly #on: ForwardSubject;
  readonly #running: Promise<string | undefined>[];
  #isOver = false;

  constructor(on: ForwardSubject) {
    this.#on = on;
    this.#running = [this.#staying(), this.#coming()];
  }

  /** What went wrong with one of them. */
  async end(): Promise<string | undefined> {
    this.#isOver = true;
    const [staying, coming] = await Promise.all(this.#running);
    return staying ?? coming;
  }

  async #staying(): Promise<string | undefined> {
    const tls = await openTunnel(this.#on);
    if (typeof tls === 'string') return tls;
    const caller = new Caller(tls);
    try {
      for (; !this.#isOver; await wait(PAUSE)) {
        const wrong = await ask(caller);
        if (wrong !== undefined) return `in a tunnel that stays: ${wrong}`;
      }
      return undefined;
    } finally {
      caller.hangUp();
    }
  }

  async #coming(): Promise<string | undefined> {
    for (; !this.#isOver; await wait(PAUSE)) {
      const tls = await openTunnel(this.#on);
      if (typeof tls === 'string') return tls;
      const caller = new Caller(tls);
      const wrong = await ask(caller);
      caller.hangUp();
      if (wrong !== undefined) return `in a new tunnel: ${wrong}`;
    }
    return undefined;
  }
}

async function openTunnel(on: ForwardSubject): Promise<TLSSocket | string> {
  try {
    const caller = await Caller.open(on.subject);
    await caller.say([connectText(`${BESIDE}:443`, [`Host: ${BESIDE}`, AUTH])]);
    const status = await caller.head(SERVED_MOST);
    if (status !== 200) return `CONNECT: ${status ?? 'no answer'}`;
    const tls = connect({ socket: caller.release(), ca: on.authority, servername: BESIDE });
    tls.on('error', () => undefined);
    return await new Promise((resolve) => {
      tls.once('secureConnect', () => resolve(tls)).once('close', () => resolve('the handshake failed'));
      setTimeout(() => resolve('the handshake takes too long'), SERVED_MOST).unref();
    });
  } catch (error) {
    return String(error);
  }
}

async function ask(caller: Caller): Promise<string | undefined> {
  await caller.say([`GET /beside HTTP/1.1\r\nHost: ${BESIDE}\r\n\r\n`]);
  const observed = await caller.answer('GET', SERVED_MOST);
  if (observed.kind !== 'answer') return observed.kind;
  return observed.answer.status === 200 ? undefined : `answered ${observed.answer.status}`;
}
