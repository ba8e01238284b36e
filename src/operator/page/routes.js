import { bars, chart, hour, lines } from './charts.js';
import { byId, el, follow, setAttribute, setText, show } from './dom.js';
import { duration, millis, number } from './format.js';

/* The routes and their last hour. */

const tiles = {};
const failed = ({ errorsOurs, errorsTheirs }) => errorsOurs + errorsTheirs;

/** The last full minute; in the first one of a new process, that one. */
function present(places) {
  return places.at(-2)?.minute ?? places.at(-1)?.minute;
}

function total(places, value) {
  return places.reduce((sum, { minute }) => sum + (minute ? value(minute) : 0), 0);
}

function requestsOf(places) {
  const all = total(places, ({ requests }) => requests);
  const now = present(places)?.requests ?? 0;
  return {
    places,
    value: number(now),
    note: ' /min',
    label: `${number(now)} in the last minute, ${number(all)} in the hour.`,
    shapes: bars(places, [({ requests }) => requests]),
    tell: (minute) => `${number(minute?.requests ?? 0)} requests`,
  };
}

function errorsOf(places) {
  const ours = total(places, ({ errorsOurs }) => errorsOurs);
  const theirs = total(places, ({ errorsTheirs }) => errorsTheirs);
  return {
    places,
    value: number(ours + theirs),
    note: ' /h',
    label: `${number(theirs)} of the upstream and ${number(ours)} of tokenward.`,
    shapes: bars(places, [({ errorsTheirs }) => errorsTheirs, ({ errorsOurs }) => errorsOurs], 4),
    tell: (minute) =>
      `${number(minute?.errorsTheirs ?? 0)} of the upstream, ${number(minute?.errorsOurs ?? 0)} of tokenward`,
  };
}

function latencyOf(places) {
  const now = present(places) ?? places.findLast(({ minute }) => minute?.p95 !== undefined)?.minute;
  const own = now?.upstreamP50 === undefined ? '' : `, upstream ${millis(now.upstreamP50)}`;
  return {
    places,
    value: millis(now?.p95),
    note: now?.p50 === undefined ? '' : ` p50 ${millis(now.p50)}`,
    label: `p50 ${millis(now?.p50)}, p95 ${millis(now?.p95)}${own}.`,
    shapes: lines(places, [({ p95 }) => p95, ({ p50 }) => p50, ({ upstreamP50 }) => upstreamP50]),
    tell: (minute) =>
      `p50 ${millis(minute?.p50)}, p95 ${millis(minute?.p95)}` +
      (minute?.upstreamP50 === undefined ? '' : `, upstream p50 ${millis(minute.upstreamP50)}`),
  };
}

/** All routes as one: latency is that of the slowest, because percentiles do not add up. */
function together(routes) {
  const byTime = new Map();
  for (const { minutes } of routes)
    for (const minute of minutes) {
      const sum = byTime.get(minute.at) ?? { at: minute.at, requests: 0, errorsOurs: 0, errorsTheirs: 0 };
      sum.requests += minute.requests;
      sum.errorsOurs += minute.errorsOurs;
      sum.errorsTheirs += minute.errorsTheirs;
      for (const name of ['p50', 'p95'])
        if (minute[name] !== undefined) sum[name] = Math.max(sum[name] ?? 0, minute[name]);
      byTime.set(minute.at, sum);
    }
  return [...byTime.values()];
}

/** The figures at the top, over all routes. */
export function showTiles(routes, waiting, now) {
  if (tiles.requests === undefined) {
    tiles.requests = chart('Requests', ['requests']);
    tiles.errors = chart('Errors', ['theirs', 'ours']);
    tiles.latency = chart('Slowest p95', ['p95', 'p50']);
    tiles.flight = el('figure', { class: 'chart plain' });
    tiles.flight.value = el('b');
    tiles.flight.note = el('p', { class: 'soft' });
    tiles.flight.append(el('figcaption', {}, el('span', {}, 'In flight'), tiles.flight.value), tiles.flight.note);
    byId('tiles').append(tiles.requests, tiles.errors, tiles.latency, tiles.flight);
  }
  const places = hour(together(routes), now);
  tiles.requests.update(requestsOf(places));
  tiles.errors.update(errorsOf(places));
  const latency = latencyOf(places);
  tiles.latency.update({ ...latency, note: '', shapes: latency.shapes.slice(0, 2) });
  setText(tiles.flight.value, number(routes.reduce((sum, { inFlight }) => sum + inFlight, 0)));
  setText(
    tiles.flight.note,
    `${number(routes.reduce((sum, { requests }) => sum + requests, 0))} requests since the start`,
  );
}

export function showRoutes(status, routes, now) {
  const more = status.routeCount > routes.length ? ` of ${number(status.routeCount)}, the busiest` : '';
  setText(byId('route-count'), `${number(routes.length)}${more}`);
  const items = [...routes].sort((a, b) => Number(b.outage !== undefined) - Number(a.outage !== undefined));
  follow(
    byId('route-list'),
    items.map((route) => ({ ...route, now })),
    ({ prefix }) => prefix,
    routeRow,
  );
}

function routeRow() {
  const name = el('h3');
  const upstream = el('span', { class: 'soft' });
  const account = el('span', { class: 'soft' });
  const outage = el('p', { class: 'why' });
  const requests = chart('Requests', ['requests']);
  const errors = chart('Errors', ['theirs', 'ours']);
  const latency = chart('p95', ['p95', 'p50', 'upstream']);
  const load = el('p', { class: 'load' });
  const node = el(
    'li',
    { class: 'route' },
    el('div', { class: 'who' }, el('div', {}, name, upstream, account, load)),
    requests,
    errors,
    latency,
    outage,
  );
  node.update = (route) => {
    const places = hour(route.minutes, route.now);
    setAttribute(node, 'data-bad', route.outage === undefined ? undefined : 'true');
    setText(name, route.prefix);
    setText(upstream, route.upstream);
    setText(account, route.account === undefined ? 'no account' : `account ${route.account}`);
    setText(load, `${number(route.requests)} since the start, ${number(route.inFlight)} in flight`);
    show(outage, route.outage !== undefined);
    if (route.outage !== undefined)
      setText(
        outage,
        `${route.outage.upstream} cannot be reached for ${duration(route.now - route.outage.since)}: ${route.outage.reason}`,
      );
    requests.update(requestsOf(places));
    const all = errorsOf(places);
    errors.update(all);
    const none = (some) => (places.some(({ minute }) => minute && some(minute)) ? undefined : 'true');
    setAttribute(
      errors,
      'data-none',
      none((minute) => failed(minute) > 0),
    );
    for (const chart of [requests, latency])
      setAttribute(
        chart,
        'data-none',
        none(() => true),
      );
    latency.update(latencyOf(places));
  };
  return node;
}
