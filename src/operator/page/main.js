import { accountsUrl, showAccounts, showChips, startAccounts } from './accounts.js';
import { readSession, showActions, startActions } from './actions.js';
import { byId, setAttribute, setText, show } from './dom.js';
import { time } from './format.js';
import { showIncidents, showVerdict } from './incidents.js';
import { follow } from './live.js';
import { showPanels } from './panels.js';
import { showRoutes, showTiles } from './routes.js';

/* The page: what came last from the server, laid out again whenever something comes, and each second for the clocks. */

/** Accounts whose state has not changed are asked for again after this: budgets and waiting requests change too. ms. */
const REFRESH_MS = 10_000;
/** … and after this when one has changed. ms. */
const AGAIN_MS = 3_000;

let status;
let minutes = {};
let list;
/** The server's clock, less this browser's. */
let offset = 0;
let lastSeenAt = Date.now();
let listRevision;
let listAt = -Infinity;
let wasOffline = false;
let asked = 0;

function now() {
  return Date.now() + offset;
}

function render() {
  if (status === undefined) return;
  const at = now();
  const routes = status.routes.map((route) => ({ ...route, minutes: minutes[route.prefix] ?? [] }));
  showVerdict(status, at);
  showIncidents(status, at);
  showTiles(routes, 0, at);
  showChips(status);
  if (list !== undefined) showAccounts(list, status, at);
  showRoutes(status, routes, at);
  showPanels(status, at);
  showActions(status);
  setText(byId('about'), `tokenward ${status.version} on Node ${status.node}`);
}

/** Asks for the present page of accounts. Of several questions the last one counts. */
async function readAccounts() {
  const question = (asked += 1);
  listAt = performance.now();
  listRevision = status?.revision;
  try {
    const response = await fetch(accountsUrl(), { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(String(response.status));
    const answer = await response.json();
    if (question !== asked) return;
    list = answer;
    render();
  } catch {
    listAt = performance.now() - REFRESH_MS + 2_000;
  }
}

function onNews(news, hours) {
  if (hours !== undefined) minutes = hours;
  if (news !== undefined) {
    status = news;
    offset = news.now - Date.now();
    lastSeenAt = Date.now();
    if (news.revision !== listRevision) {
      void readAccounts();
      // Of very many accounts the server counts and sorts the states only now and then.
      listAt = performance.now() - REFRESH_MS + AGAIN_MS;
    }
  }
  render();
}

function onState(state) {
  setText(byId('live'), state);
  setAttribute(byId('live'), 'data-live', state);
  const isOffline = state === 'offline';
  document.body.classList.toggle('stale', isOffline && status !== undefined);
  show(byId('offline'), isOffline);
  if (isOffline)
    setText(
      byId('offline'),
      `No answer from tokenward since ${time(lastSeenAt)}. What stands below is old; it is tried again.`,
    );
  // The process may be another one, which does not know the session.
  else if (wasOffline) void readSession();
  wasOffline = isOffline;
}

setText(byId('host'), location.host);
startAccounts(() => void readAccounts());
void startActions(() => void readAccounts());
follow({ onNews, onState });
setInterval(() => {
  if (status !== undefined && !document.hidden && performance.now() - listAt > REFRESH_MS && !wasOffline)
    void readAccounts();
  render();
}, 1_000);
