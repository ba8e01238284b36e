import { byId, copyButton, el, follow, setAttribute, setText, show } from './dom.js';
import { duration, exactTime, number } from './format.js';

/* What stands below: callers, store, workers, configuration, and calls that were refused. */

const panels = {};
/** The callers' counts of a moment ago, for their rates. */
let before;

function panel(name, title) {
  if (panels[name] === undefined) {
    const body = el('div', { class: 'body' });
    panels[name] = el(
      'section',
      { class: 'panel', 'aria-labelledby': `panel-${name}` },
      el('h2', { id: `panel-${name}` }, title),
      body,
    );
    panels[name].body = body;
    byId('panels').append(panels[name]);
  }
  return panels[name];
}

function facts(name, title, items, isBad = false) {
  const section = panel(name, title);
  setAttribute(section, 'data-bad', isBad ? 'true' : undefined);
  const key = JSON.stringify(items);
  if (section.key === key) return;
  section.key = key;
  section.body.replaceChildren(
    el(
      'dl',
      { class: 'facts' },
      ...items.map(([term, text, title]) => el('div', {}, el('dt', {}, term), el('dd', { title }, text))),
    ),
  );
}

export function showPanels(status, now) {
  showCallers(status.callers, now);
  const { store, config, workers, refused } = status;
  facts(
    'store',
    'Store',
    [
      ['State', store.usable ? 'usable' : 'unusable'],
      ['For', duration(now - store.since), exactTime(store.since)],
      ...(store.error === undefined ? [] : [['Error', store.error]]),
    ],
    !store.usable,
  );
  if (workers !== undefined)
    facts(
      'workers',
      'Workers',
      workers.map(({ worker, pid, state, requests }) => [
        `Worker ${worker}`,
        `${state}${pid === undefined ? '' : `, process ${pid}`}${requests === undefined ? '' : `, ${number(requests)} requests`}`,
      ]),
      workers.some(({ state }) => state === 'silent'),
    );
  if (config !== undefined) showConfig(config, now);
  if (refused !== undefined && refused.length > 0) showRefused(refused, now);
  else if (panels.refused !== undefined) show(panels.refused, false);
}

function showConfig({ file, hash, since, lastReload }, now) {
  facts(
    'config',
    'Configuration',
    [
      ['File', file],
      ['Hash', hash],
      ['In use for', duration(now - since), exactTime(since)],
      ...(lastReload === undefined
        ? []
        : [
            [
              'Last reload',
              `${lastReload.ok ? 'applied' : 'refused'} ${duration(now - lastReload.at)} ago, by ${lastReload.trigger}`,
            ],
            ...(lastReload.error === undefined ? [] : [['Error', lastReload.error]]),
            ...((lastReload.changes?.length ?? 0) === 0 ? [] : [['Changes', lastReload.changes.join('\n')]]),
          ]),
    ],
    lastReload?.ok === false,
  );
}

/** The busiest now: by requests in flight, then by the rate since the last look. */
function showCallers(callers, now) {
  if (callers.length === 0) return;
  const section = panel('callers', 'Callers');
  const rates = new Map();
  if (before === undefined || now - before.at > 4_000) {
    if (before !== undefined)
      for (const { name, admitted } of callers)
        rates.set(name, Math.max(0, ((admitted - (before.counts.get(name) ?? admitted)) * 60_000) / (now - before.at)));
    before = { at: now, counts: new Map(callers.map(({ name, admitted }) => [name, admitted])), rates };
  }
  const rateOf = (name) => before.rates.get(name) ?? 0;
  const busiest = [...callers].sort(
    (a, b) => b.inFlight - a.inFlight || rateOf(b.name) - rateOf(a.name) || b.admitted - a.admitted,
  );
  if (section.table === undefined) {
    section.table = el('tbody');
    const head = ['Caller', 'In flight', 'Last 5 min', 'Admitted', 'Refused'].map((name, index) =>
      el('th', { scope: 'col', class: index > 0 ? 'num' : undefined }, name),
    );
    section.body.append(
      el(
        'div',
        { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Callers' },
        el('table', {}, el('thead', {}, el('tr', {}, ...head)), section.table),
      ),
    );
  }
  follow(section.table, busiest.slice(0, 10), ({ name }) => name, callerRow);
}

function callerRow() {
  const cells = Array.from({ length: 4 }, () => el('td', { class: 'num' }));
  const name = el('th', { scope: 'row' });
  const node = el('tr', {}, name, ...cells);
  node.update = (caller) => {
    setText(name, caller.name);
    [caller.inFlight, caller.lately.admitted, caller.admitted, caller.refused].forEach((value, index) =>
      setText(cells[index], number(value)),
    );
    setAttribute(cells[3], 'class', caller.lately.refused > 0 ? 'num refused' : 'num');
  };
  return node;
}

function showRefused(refused, now) {
  const section = panel('refused', 'Refused calls');
  show(section, true);
  section.classList.add('wide');
  if (section.list === undefined) section.body.append((section.list = el('ul', { class: 'refused-calls' })));
  follow(
    section.list,
    refused.map((call) => ({ ...call, now })),
    ({ caller, kind, route, host, method, path }) => JSON.stringify([caller, kind, route, host, method, path]),
    refusedCall,
  );
}

function refusedCall(first) {
  const what = el('h3');
  const note = el('p', { class: 'soft' });
  const patch = el('code');
  const copy = copyButton(() => patch.textContent, 'Copy the configuration that allows it');
  const node = el(
    'li',
    {},
    what,
    note,
    el('details', {}, el('summary', {}, 'Configuration that allows it'), el('pre', {}, patch), copy),
  );
  const target = `${first.method ?? ''} ${first.host ?? ''}${first.path ?? ''}`.trim();
  setText(what, target === '' ? (first.route ?? first.kind) : target);
  node.update = ({ caller, kind, route, count, lastAt, patch: text, now }) => {
    const by = caller === undefined ? '' : ` from ${caller}`;
    setText(
      note,
      `${number(count)} times${by}, refused by ${kind}${route === undefined ? '' : ` ${route}`}, last ${duration(now - lastAt)} ago`,
    );
    setText(patch, text);
  };
  return node;
}
