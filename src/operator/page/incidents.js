import { act, mayAct } from './actions.js';
import { byId, copyButton, el, follow, setAttribute, setText, show } from './dom.js';
import { count, countdown, duration, exactTime, listed, number } from './format.js';

/* The verdict and the incidents. What they say is decided in the server: here it is only laid out. */

const SIGNS = { good: '✓', warn: '!', bad: '✕', unknown: '…' };

/** How bad it is, for the colour and the icon of the page. */
export function levelOf({ incidents }) {
  if (incidents.some(({ severity }) => severity === 'critical')) return 'bad';
  return incidents.length > 0 ? 'warn' : 'good';
}

export function showVerdict(status, now) {
  const level = levelOf(status);
  const section = byId('verdict-section');
  setAttribute(section, 'data-level', level);
  setText(section.querySelector('.sign'), SIGNS[level]);
  setText(byId('verdict'), status.verdict);
  const { store, workers, accountCount, routeCount, config } = status;
  const up = workers?.filter(({ state }) => state === 'up').length;
  const facts = [
    count(accountCount.known, 'account'),
    count(routeCount, 'route'),
    ...(workers
      ? [up === workers.length ? count(up, 'worker') : `${up} of ${count(workers.length, 'worker')} up`]
      : []),
    store.usable ? 'store usable' : `store unusable for ${duration(now - store.since)}`,
    ...(config ? [`configuration ${config.hash} for ${duration(now - config.since)}`] : []),
  ];
  setText(byId('facts'), facts.join('  ·  '));
  setAttribute(byId('favicon'), 'href', level === 'bad' ? '/favicon-trouble.svg' : '/favicon.svg');
  const bad = status.incidents.filter(({ severity }) => severity === 'critical').length;
  document.title = bad > 0 ? `(${bad}) tokenward` : 'tokenward';
}

export function showIncidents(status, now) {
  const { incidents, actions } = status;
  show(byId('incidents-section'), incidents.length > 0);
  setText(byId('incident-count'), incidents.length > 1 ? number(incidents.length) : '');
  follow(
    byId('incidents'),
    incidents.map((one) => ({ ...one, now, actions })),
    ({ id }) => id,
    incidentCard,
  );
}

function incidentCard() {
  const what = el('h3');
  const why = el('p', { class: 'why' });
  const since = el('span', { class: 'since' });
  const next = el('span', { class: 'next' });
  const who = el('dl', { class: 'who' });
  const button = el('button', { type: 'button' });
  const command = el('code');
  const copy = copyButton(() => command.textContent, 'Copy the command');
  const line = el('span', { class: 'command' }, command, copy);
  const node = el(
    'li',
    { class: 'incident' },
    el(
      'div',
      { class: 'story' },
      what,
      why,
      el('div', { class: 'context' }, el('p', { class: 'times' }, since, next), who),
    ),
    el('div', { class: 'help' }, button, line),
  );
  let action;
  button.addEventListener('click', () => act(action));
  node.update = (incident) => {
    action = incident.action;
    setAttribute(node, 'data-severity', incident.severity);
    setText(what, incident.what);
    setText(why, incident.why ?? '');
    show(why, incident.why !== undefined);
    setText(since, incident.since === undefined ? '' : `for ${duration(incident.now - incident.since)}`);
    setAttribute(since, 'title', incident.since === undefined ? undefined : `since ${exactTime(incident.since)}`);
    const left = (incident.retryAt ?? 0) - incident.now;
    setText(next, left > 0 ? `next try in ${countdown(left)}` : '');
    setWho(who, incident.who);
    const can = action !== undefined && mayAct(action.kind, incident.actions);
    show(button, can);
    if (can) setText(button, labelOf(action));
    show(line, incident.command !== undefined);
    setText(command, incident.command ?? '');
  };
  return node;
}

function labelOf({ kind, reserve, account }) {
  if (kind === 'reload') return 'Reload configuration';
  return `Renew ${account}${reserve ? ' with reserve' : ''}`;
}

/** Who is hit: short lists, and nothing where nobody is. */
function setWho(dl, { accounts, accountCount, routes, callers }) {
  const parts = [
    ['Accounts', accountCount > 1 ? `${number(accountCount)}: ${listed(accounts)}` : ''],
    ['Routes', listed(routes)],
    ['Callers', listed(callers)],
  ].filter(([, text]) => text !== '');
  const key = JSON.stringify(parts);
  if (dl.key === key) return;
  dl.key = key;
  dl.replaceChildren(...parts.map(([name, text]) => el('div', {}, el('dt', {}, name), el('dd', {}, text))));
  show(dl, parts.length > 0);
}
