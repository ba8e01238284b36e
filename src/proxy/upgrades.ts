import { TokenwardError } from '../errors.ts';
import { isWebSocket } from '../http/client/handshake.ts';
import type { UpstreamResponse } from '../http/client/response.ts';
import type { OutboundResponse } from '../http/server/exchange.ts';
import { StallWatchdog } from '../http/stall-watchdog.ts';
import { UpgradedPair, type DetachedConnection } from '../http/upgraded-pair.ts';
import type { Logger } from '../log.ts';
import type { Slots } from './concurrency.ts';
import type { Route } from './route.ts';

/** RFC 6455 §7.4.1: the process ends; it is replaced by another one that serves at once (IANA's registry). */
export const GOING_AWAY = 1001;
export const SERVICE_RESTART = 1012;

interface UpgradeLimits {
  /** Upgraded connections and handshakes of this process, and those of one caller. */
  readonly all: number;
  readonly perCaller: number;
}

/** A request for another protocol, from its route on. */
export interface Handshake {
  readonly protocol: string;
  /** The places that it has taken of the limits. */
  readonly slots: readonly Slots[];
  readonly caller: string | undefined;
}

/** The part of a request in flight that concerns its upgrade. */
interface UpgradingRequest {
  readonly id: string;
  readonly response: OutboundResponse;
  readonly heldSlots: Slots[];
  readonly account: string | undefined;
  handshake: Handshake | undefined;
}

/** The upgraded connections of a process: their limits, and their end. */
export class Upgrades {
  #limits: UpgradeLimits;
  readonly #log: Logger;
  readonly #all: Slots = { inFlight: 0 };
  readonly #callers = new Map<string | undefined, Slots>();
  readonly #pairs = new Set<UpgradedPair>();
  readonly #handshakes = new Set<UpgradingRequest>();
  readonly #watchdogs = new Map<number, StallWatchdog>();
  /** No further handshakes are taken. */
  #stopping = false;
  /** The code for connections that are made while the others are being closed. */
  #closeCode: number | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(limits: UpgradeLimits, log: Logger) {
    this.#limits = limits;
    this.#log = log;
  }

  /** Other limits from now on. Open connections stay. */
  setLimits(limits: UpgradeLimits): void {
    this.#limits = limits;
  }

  /** Takes the places of one more connection, to be given back with the request. Throws a TokenwardError. */
  admit(ctx: UpgradingRequest, protocol: string, caller: string | undefined): void {
    if (this.#stopping) throw new TokenwardError('shutting_down', { retryAfter: 1 });
    let ofCaller = this.#callers.get(caller);
    if (ofCaller === undefined) this.#callers.set(caller, (ofCaller = { inFlight: 0 }));
    if (this.#all.inFlight >= this.#limits.all) throw tooMany('the limit is limits.upgraded');
    if (ofCaller.inFlight >= this.#limits.perCaller)
      throw tooMany(`caller ${caller ?? ''} has reached its half of limits.upgraded`);
    const slots = [this.#all, ofCaller];
    for (const one of slots) one.inFlight += 1;
    ctx.heldSlots.push(...slots);
    ctx.handshake = { protocol, slots, caller };
    this.#handshakes.add(ctx);
    ctx.response.on('close', () => this.#handshakes.delete(ctx));
  }

  /** Joins client and upstream. `headers`: the fields of the 101. */
  join(ctx: UpgradingRequest, route: Route, upstreamResponse: UpstreamResponse, headers: readonly string[]): void {
    const upstream = upstreamResponse.switched;
    const { handshake, response } = ctx;
    if (upstream === undefined || handshake === undefined || response.switchProtocols === undefined)
      throw new TokenwardError('internal');
    // `close` has been emitted, or will be without a listener of the pair.
    if (response.destroyed || upstream.socket.destroyed) {
      upstream.socket.destroy();
      response.destroy();
      return;
    }
    upstreamResponse.switched = undefined;
    // They are given back when the connection ends, not with the request.
    for (const one of handshake.slots) ctx.heldSlots.splice(ctx.heldSlots.indexOf(one), 1);
    this.#open(ctx, handshake, route, response.switchProtocols(headers), upstream);
  }

  #open(
    ctx: UpgradingRequest,
    handshake: Handshake,
    route: Route,
    client: DetachedConnection,
    upstream: DetachedConnection,
  ): void {
    const stats = route.upgradeStats;
    const startedAt = performance.now();
    const watchdog = this.#watchdogOf(route.config.timeouts.upgradeIdle);
    stats.open += 1;
    stats.total += 1;
    const pair = new UpgradedPair({
      client,
      upstream,
      webSocket: isWebSocket(handshake.protocol),
      counts: stats,
      onEnd: (end) => {
        this.#pairs.delete(pair);
        watchdog.unwatch(pair);
        for (const one of handshake.slots) one.inFlight -= 1;
        stats.countEnd(end);
        this.#log.info('upgraded connection ended', {
          route: route.name,
          ...(ctx.account !== undefined && { account: ctx.account }),
          ...(handshake.caller !== undefined && { caller: handshake.caller }),
          request_id: ctx.id,
          kind: handshake.protocol.toLowerCase(),
          reason: end,
          seconds: (performance.now() - startedAt) / 1000,
          bytes_to_upstream: pair.bytes.toUpstream,
          bytes_to_client: pair.bytes.toClient,
        });
        if (this.#pairs.size === 0) this.#onEmpty?.();
      },
      onSlow: () => watchdog.watch(pair),
    });
    this.#pairs.add(pair);
    watchdog.watch(pair);
    if (this.#closeCode !== undefined) pair.close('shutdown', this.#closeCode);
  }

  /** One for each limit: routes with the same one share it. */
  #watchdogOf(limitMs: number): StallWatchdog {
    let watchdog = this.#watchdogs.get(limitMs);
    if (watchdog === undefined) this.#watchdogs.set(limitMs, (watchdog = new StallWatchdog(limitMs)));
    return watchdog;
  }

  /** From now on handshakes are refused; another process serves them. */
  stopAccepting(): void {
    this.#stopping = true;
  }

  /** Closes all connections in the way of their protocol. */
  close(code: number): void {
    this.#stopping = true;
    this.#closeCode = code;
    for (const pair of this.#pairs) pair.close('shutdown', code);
  }

  /** Resolves when no connection is left. */
  ended(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      if (this.#pairs.size === 0) resolve();
    });
  }

  /** Cuts what is left. */
  destroy(): void {
    this.close(GOING_AWAY);
    for (const pair of this.#pairs) pair.destroy('shutdown');
    for (const { response } of this.#handshakes) response.destroy();
  }
}

function tooMany(detail: string): TokenwardError {
  return new TokenwardError('too_many_requests', { retryAfter: 1, detail });
}
