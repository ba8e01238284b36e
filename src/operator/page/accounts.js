import { act, mayAct } from './actions.js';
import { showTip } from './charts.js';
import { byId, el, follow, setAttribute, setText, show, svg } from './dom.js';
import { count, countdown, duration, exactTime, millis, number, stateWord, time } from './format.js';

/* The accounts: one page of them at a time, from the server, with the filter in the address so that it can be shared. */

const STATES = ['dead', 'out_of_logins', 'down', 'degraded', 'renewing', 'unused', 'working'];
const TROUBLES = new Set(['dead', 'out_of_logins', 'down', 'degraded']);
const SHOWN_RENEWALS = 20;

const parameters = new URLSearchParams(location.search);
const query = {
  states: new Set(parameters.getAll('state').filter((state) => STATES.includes(state))),
  text: parameters.get('q') ?? '',
  page: Math.max(1, Number.parseInt(parameters.get('page') ?? '1', 10) || 1),
};
let onQuery = () => undefined;

/** The address of the present page of accounts. */
export function accountsUrl() {
  return `/accounts?${toParameters()}`;
}

function toParameters() {
  const result = new URLSearchParams();
  for (const state of query.states) result.append('state', state);
  if (query.text.trim() !== '') result.set('q', query.text.trim());
  if (query.page > 1) result.set('page', String(query.page));
  return result.toString();
}

function change(isNewList = true) {
  if (isNewList) query.page = 1;
  const text = toParameters();
  history.replaceState(null, '', text === '' ? location.pathname : `?${text}`);
  onQuery();
}

/** Connects the filter. `ask` is called when another list is wanted. */
export function startAccounts(ask) {
  onQuery = ask;
  const filter = byId('filter');
  filter.value = query.text;
  let timer;
  filter.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      query.text = filter.value;
      change();
    }, 150);
  });
  byId('previous').addEventListener('click', () => turn(-1));
  byId('next').addEventListener('click', () => turn(1));
  addEventListener('keydown', (event) => {
    const isTyping = event.target.closest?.('input, textarea, dialog') !== null;
    if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    filter.focus();
    filter.select();
  });
}

function turn(by) {
  query.page += by;
  change(false);
  byId('accounts').scrollIntoView({ block: 'start' });
}

/** The chips of the states that occur, with their counts: of all accounts, whatever is listed. */
export function showChips({ states, accountCount }) {
  const present = STATES.filter((state) => states[state] > 0 || query.states.has(state));
  const items = [
    { state: undefined, number: accountCount.known },
    ...present.map((state) => ({ state, number: states[state] })),
  ];
  follow(byId('chips'), items, ({ state }) => state ?? '', chip);
}

function chip({ state }) {
  const value = el('b');
  const node = el('button', { type: 'button', class: 'chip', 'data-state': state ?? 'all' });
  node.append(state === undefined ? 'all' : stateWord(state), ' ', value);
  node.addEventListener('click', () => {
    if (state === undefined) query.states.clear();
    else if (!query.states.delete(state)) query.states.add(state);
    change();
  });
  node.update = (item) => {
    setText(value, number(item.number));
    const isPressed = state === undefined ? query.states.size === 0 : query.states.has(state);
    setAttribute(node, 'aria-pressed', isPressed);
  };
  return node;
}

/** Shows one page of accounts. `now`: the server's clock. */
export function showAccounts(list, status, now) {
  const { accounts, total, page, pages } = list;
  const isFiltered = query.states.size > 0 || query.text.trim() !== '';
  setText(
    byId('account-count'),
    isFiltered ? `${number(total)} of ${number(status.accountCount.known)}` : number(total),
  );
  follow(
    byId('account-list'),
    accounts.map((account) => ({ ...account, now, actions: status.actions })),
    ({ account }) => account,
    accountRow,
  );
  show(byId('no-account'), accounts.length === 0);
  setText(byId('no-account'), isFiltered ? 'No account matches.' : 'No account is configured.');
  show(byId('pages'), pages > 1);
  setText(byId('page-number'), `Page ${number(page)} of ${number(pages)}`);
  byId('previous').disabled = page <= 1;
  byId('next').disabled = page >= pages;
  if (page > pages) turn(pages - page);
}

let lastId = 0;

function accountRow(first) {
  const id = `account-${(lastId += 1)}`;
  const pill = el('span', { class: 'pill' });
  const name = el('h3');
  const flow = el('span', { class: 'soft' });
  const why = el('p', { class: 'why' });
  const expiry = meter('Token');
  const budget = meter('Logins');
  const strip = renewalStrip();
  const renew = el('button', { type: 'button' }, 'Renew');
  const more = el('button', { type: 'button', class: 'more', 'aria-expanded': 'false', 'aria-controls': id });
  const sign = el('span', { 'aria-hidden': 'true' }, '⌄');
  more.append(el('span', { class: 'hide' }, `Details of ${first.account}`), sign);
  const details = el('div', { class: 'details', id, hidden: true });
  const node = el(
    'li',
    { class: 'account' },
    el(
      'div',
      { class: 'row' },
      el('div', { class: 'who' }, pill, el('div', {}, name, flow)),
      expiry,
      budget,
      strip,
      el('div', { class: 'acts' }, renew, more),
      why,
    ),
    details,
  );
  let account = first;
  renew.addEventListener('click', () => act({ kind: 'renew', account: account.account }, account));
  more.addEventListener('click', () => {
    const isOpen = details.hidden;
    show(details, isOpen);
    setAttribute(more, 'aria-expanded', isOpen);
    if (isOpen) showDetails(details, account);
  });
  node.update = (next) => {
    account = next;
    setAttribute(node, 'data-state', account.state);
    setText(pill, stateWord(account.state));
    setText(name, account.account);
    setText(flow, account.flow);
    const left = (account.retryAt ?? 0) - account.now;
    const problem = account.problem ?? (account.dead ? 'a person must act' : undefined);
    setText(why, problem === undefined ? '' : `${problem}${left > 0 ? `; next try in ${countdown(left)}` : ''}`);
    show(why, problem !== undefined);
    expiry.update(expiryOf(account));
    budget.update(budgetOf(account));
    strip.update(account);
    show(renew, mayAct('renew', account.actions) && account.fixed !== true);
    setAttribute(renew, 'aria-label', `Renew ${account.account}`);
    if (!details.hidden) showDetails(details, account);
  };
  return node;
}

/** A bar with a name and a value. Two parts: what is left, and the reserve. */
function meter(name) {
  const value = el('b');
  const fill = el('i');
  const reserve = el('i', { class: 'reserve' });
  const bar = el('div', { class: 'bar', 'aria-hidden': 'true' }, fill, reserve);
  const node = el('div', { class: 'meter' }, el('span', { class: 'soft' }, name), value, bar);
  node.update = ({ text, share, reserveShare = 0, level = 'good', title }) => {
    setText(value, text);
    setAttribute(node, 'data-level', level);
    setAttribute(node, 'title', title);
    show(bar, share !== undefined);
    fill.style.width = `${100 * (share ?? 0)}%`;
    reserve.style.width = `${100 * reserveShare}%`;
  };
  return node;
}

function expiryOf({ generation, expiresAt, obtainedAt, refusedAt, now, state, fixed }) {
  if (generation === 0) return { text: 'none yet' };
  if (refusedAt !== undefined) return { text: 'refused', share: 1, level: 'bad', title: exactTime(refusedAt) };
  if (expiresAt === undefined) return { text: fixed ? 'fixed' : 'no expiry known' };
  const left = expiresAt - now;
  const title = `expires ${exactTime(expiresAt)}`;
  if (left <= 0) return { text: 'expired', share: 0, level: TROUBLES.has(state) ? 'bad' : 'warn', title };
  const share = Math.min(1, left / Math.max(1, expiresAt - (obtainedAt ?? now)));
  return { text: duration(left), share, level: share < 0.1 ? 'warn' : 'good', title };
}

function budgetOf({ budget, renewalsLeft = [], fixed }) {
  if (budget !== undefined) {
    const { remaining, limit, reserveRemaining, reserveLimit, retryAt } = budget;
    const all = Math.max(1, limit + reserveLimit);
    return {
      text: `${number(remaining)} of ${number(limit)}${reserveLimit > 0 ? ` + ${number(reserveRemaining)}` : ''}`,
      share: remaining / all,
      reserveShare: reserveRemaining / all,
      level: remaining === 0 ? 'bad' : remaining / Math.max(1, limit) < 0.3 ? 'warn' : 'good',
      title:
        `${remaining} of ${limit} automatic logins are left` +
        (reserveLimit > 0 ? `, and ${reserveRemaining} of ${reserveLimit} in reserve` : '') +
        (retryAt === undefined ? '' : `; the next is possible at ${exactTime(retryAt)}`),
    };
  }
  const [scarcest] = [...renewalsLeft].sort((a, b) => a.remaining / a.limit - b.remaining / b.limit);
  if (scarcest === undefined) return { text: fixed ? 'none' : 'no limit' };
  const { remaining, limit, per } = scarcest;
  const level = remaining === 0 ? 'bad' : remaining / limit < 0.3 ? 'warn' : 'good';
  return {
    text: `${remaining} of ${limit} renewals`,
    share: remaining / limit,
    level,
    title: `in ${duration(per * 1000)}`,
  };
}

/** The last renewals as small bars: their height is the time they took, their colour the outcome. */
function renewalStrip() {
  const picture = svg('svg', { viewBox: `0 0 ${SHOWN_RENEWALS * 6} 28`, role: 'img' });
  const text = el('span', { class: 'soft' });
  const node = el('div', { class: 'strip' }, text, picture);
  let notes = [];
  let drawn = '';
  picture.addEventListener('pointermove', (event) => {
    const box = picture.getBoundingClientRect();
    const index = Math.floor(((event.clientX - box.left) / box.width) * SHOWN_RENEWALS);
    const note = notes[index - (SHOWN_RENEWALS - notes.length)];
    if (note === undefined) show(byId('tip'), false);
    else showTip(event, `${time(note.at)}  ${sentenceOf(note)}`);
  });
  picture.addEventListener('pointerleave', () => show(byId('tip'), false));
  node.update = ({ renewals = [], now }) => {
    notes = renewals;
    const last = renewals.at(-1);
    setText(text, last === undefined ? 'No renewal yet' : `Renewed ${duration(now - last.at)} ago`);
    if (last !== undefined && last.outcome !== 'granted') setText(text, `Tried ${duration(now - last.at)} ago`);
    const bad = renewals.filter(({ outcome }) => outcome !== 'granted').length;
    const label = `${count(renewals.length, 'renewal')}${bad > 0 ? `, ${bad} without a token` : ''}`;
    setAttribute(picture, 'aria-label', label);
    const key = `${renewals.length} ${last?.at ?? ''}`;
    if (key === drawn) return;
    drawn = key;
    const most = Math.max(50, ...renewals.map(({ ms }) => ms));
    const empty = SHOWN_RENEWALS - renewals.length;
    picture.replaceChildren(
      ...Array.from({ length: empty }, (_, index) =>
        svg('rect', { class: 'none', x: index * 6, y: 25, width: 4, height: 3, rx: 1 }),
      ),
      ...renewals.map(({ outcome, ms }, index) => {
        const height = 6 + 22 * Math.sqrt(ms / most);
        const x = (empty + index) * 6;
        return svg('rect', { class: outcome, x, y: 28 - height, width: 4, height, rx: 1 });
      }),
    );
  };
  return node;
}

function sentenceOf({ kind, outcome, cause, by, ms, reason }) {
  const why = by ?? cause;
  return `${why} → ${kind} → ${outcome}${reason === undefined ? '' : ` (${reason})`} → ${millis(ms)}`;
}

function showDetails(details, account) {
  const { generation, obtainedAt, refreshExpiresAt, refusedAt, retryAt, waiting, since, renewals = [], now } = account;
  const ago = (at) => (at === undefined ? '–' : `${duration(now - at)} ago`);
  const facts = [
    ['Generation', number(generation)],
    ['Obtained', ago(obtainedAt)],
    ['Requests waiting', number(waiting)],
    ...(since === undefined ? [] : [['In trouble for', duration(now - since)]]),
    ...(refusedAt === undefined ? [] : [['Last refused', ago(refusedAt)]]),
    ...(refreshExpiresAt === undefined
      ? []
      : [
          [
            'Refresh token ends',
            refreshExpiresAt > now ? `in ${duration(refreshExpiresAt - now)}` : ago(refreshExpiresAt),
          ],
        ]),
    ...((retryAt ?? 0) > now ? [['Next try', `in ${countdown(retryAt - now)}`]] : []),
    ...(account.budget?.retryAt === undefined
      ? []
      : [['Next login of the budget', `in ${duration(account.budget.retryAt - now)}`]]),
  ];
  const key = JSON.stringify([facts, renewals]);
  if (details.key === key) return;
  details.key = key;
  const dl = el(
    'dl',
    { class: 'facts' },
    ...facts.map(([name, text]) => el('div', {}, el('dt', {}, name), el('dd', {}, text))),
  );
  details.replaceChildren(
    dl,
    renewals.length === 0
      ? el('p', { class: 'soft' }, 'This process has made no renewal of it yet.')
      : renewalTable(renewals, account.account),
  );
}

function renewalTable(renewals, account) {
  const head = el(
    'tr',
    {},
    ...['Time', 'Cause', 'Kind', 'Outcome', 'Took'].map((name) =>
      el('th', { scope: 'col', class: name === 'Took' ? 'num' : undefined }, name),
    ),
  );
  const rows = [...renewals]
    .reverse()
    .map(({ at, cause, by, kind, outcome, reason, ms }) =>
      el(
        'tr',
        {},
        el('td', { title: exactTime(at) }, time(at)),
        el('td', {}, by === undefined ? cause : `${cause}: ${by}`),
        el('td', {}, kind),
        el('td', { class: outcome }, reason === undefined ? outcome : `${outcome}: ${reason}`),
        el('td', { class: 'num' }, millis(ms)),
      ),
    );
  const caption = el('caption', { class: 'hide' }, `The last renewals of ${account}`);
  return el(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `The last renewals of ${account}` },
    el('table', {}, caption, el('thead', {}, head), el('tbody', {}, ...rows)),
  );
}
