import type { Request, Response } from 'express';
import { describeFault, type Logger } from '../log.ts';
import type { RouteMinute } from './minutes.ts';
import type { OperatorView, Overview } from './view.ts';

/** Pages that listen at the same time; each costs a connection and a copy of what is sent. */
const MAX_LISTENERS = 32;
/** Between two looks at the state. It is computed once for all listeners, and not at all without one. ms. */
const INTERVAL_MS = 1_000;
/** Without news a comment is sent, so that proxies keep the connection and dead listeners are noticed. ms. */
const HEARTBEAT_MS = 15_000;
/** A listener that leaves so much unread is dropped. Bytes. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** What one look at the state brings, as events. */
interface Events {
  /** The overview without its minutes. */
  readonly status: string;
  /** The last hour of each route. */
  readonly minutes: string;
}

/** GET /events: the overview as it changes, for all pages that are open (server-sent events, HTML §9.2). */
export class EventStream {
  readonly #view: Pick<OperatorView, 'overview'>;
  readonly #log: Logger;
  readonly #listeners = new Set<Response>();
  #timer: NodeJS.Timeout | undefined;
  #last: Events | undefined;
  #lastSentAt = 0;

  constructor(view: Pick<OperatorView, 'overview'>, log: Logger) {
    this.#view = view;
    this.#log = log;
  }

  listen(_request: Request, response: Response): void {
    if (this.#listeners.size >= MAX_LISTENERS) {
      response.setHeader('retry-after', '10');
      const title = `At most ${MAX_LISTENERS} pages listen at a time. This one asks again instead.`;
      response.status(503).json({ code: 'too_many_listeners', title });
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    response.write('retry: 2000\n\n');
    this.#listeners.add(response);
    response.on('close', () => {
      this.#listeners.delete(response);
      if (this.#listeners.size === 0) this.#rest();
    });
    if (this.#last !== undefined) send(response, this.#last.minutes + this.#last.status);
    if (this.#timer === undefined) void this.#look();
  }

  /** Nobody listens. */
  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#last = undefined;
  }

  async #look(): Promise<void> {
    // While it looks there is no second one.
    this.#timer = setTimeout(() => undefined, 0).unref();
    const begun = performance.now();
    try {
      const events = eventsOf(await this.#view.overview());
      if (this.#listeners.size === 0) return this.#rest();
      const { status, minutes } = this.#last ?? {};
      const news =
        (events.minutes === minutes ? '' : events.minutes) + (isSame(events.status, status) ? '' : events.status);
      const isQuiet = performance.now() - this.#lastSentAt >= HEARTBEAT_MS;
      if (news !== '' || isQuiet) this.#sendAll(news === '' ? events.status : news);
      this.#last = events;
    } catch (error) {
      this.#log.error('unexpected fault on the operator port', { detail: describeFault(error) });
    }
    // A state that takes long to compute is computed less often.
    const pause = Math.max(INTERVAL_MS, 10 * (performance.now() - begun));
    this.#timer = setTimeout(() => void this.#look(), pause).unref();
  }

  #sendAll(text: string): void {
    this.#lastSentAt = performance.now();
    for (const listener of this.#listeners) send(listener, text);
  }
}

function send(listener: Response, text: string): void {
  if (listener.writableLength > MAX_UNREAD_BYTES) listener.destroy();
  else listener.write(text);
}

function eventsOf({ routes, ...overview }: Overview): Events {
  const minutes: Record<string, readonly RouteMinute[]> = {};
  const states = routes.map(({ minutes: one, ...route }) => {
    minutes[route.prefix] = one;
    return route;
  });
  return {
    status: event('status', { ...overview, routes: states }),
    minutes: event('minutes', minutes),
  };
}

/** JSON has no line breaks, so it is one line of data. */
function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Whether two events differ in nothing but the time. */
function isSame(status: string, other: string | undefined): boolean {
  return other !== undefined && withoutTime(status) === withoutTime(other);
}

function withoutTime(status: string): string {
  return status.replace(/"now":\d+/, '');
}
