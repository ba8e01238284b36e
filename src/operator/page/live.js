/*
 * What the server knows, as it changes: by server-sent events; by asking again where these do not come through (a proxy
 * that holds them back, too many listeners).
 */

/** Without a sign of life for so long, the stream counts as broken. The server's heartbeat is 15 s. ms. */
const SILENCE_MS = 25_000;
const POLL_MS = 3_000;
/** After so many broken streams in a row, it is asked again instead. */
const MAX_FAILURES = 3;
const NEXT_TRY_MS = 60_000;

/** `onNews(status, minutes)`: either may be missing. `onState`: live, polling or offline. */
export function follow({ onNews, onState }) {
  let failures = 0;
  let timer;
  let source;

  const listen = () => {
    source?.close();
    source = new EventSource('/events');
    const alive = () => {
      failures = 0;
      onState('live');
      clearTimeout(timer);
      timer = setTimeout(broken, SILENCE_MS);
    };
    source.addEventListener('minutes', (event) => {
      onNews(undefined, JSON.parse(event.data));
      alive();
    });
    source.addEventListener('status', (event) => {
      onNews(JSON.parse(event.data), undefined);
      alive();
    });
    source.addEventListener('error', broken);
    clearTimeout(timer);
    timer = setTimeout(broken, SILENCE_MS);
  };

  const broken = () => {
    source?.close();
    source = undefined;
    clearTimeout(timer);
    failures += 1;
    if (failures >= MAX_FAILURES) void poll(performance.now() + NEXT_TRY_MS);
    else {
      onState('offline');
      timer = setTimeout(listen, 500 * failures);
    }
  };

  /** Asks until `until`, then tries to listen again. Without an answer it is asked all the same. */
  const poll = async (until) => {
    try {
      const response = await fetch('/overview', { signal: AbortSignal.timeout(5_000) });
      if (!response.ok) throw new Error(String(response.status));
      const overview = await response.json();
      const minutes = Object.fromEntries(overview.routes.map(({ prefix, minutes: one }) => [prefix, one]));
      onNews(overview, minutes);
      onState('polling');
    } catch {
      // A server that comes back is listened to at once.
      onState('offline');
      failures = MAX_FAILURES - 1;
      timer = setTimeout(listen, POLL_MS);
      return;
    }
    timer = setTimeout(() => (performance.now() < until ? void poll(until) : listen()), POLL_MS);
  };

  listen();
}
