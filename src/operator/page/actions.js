import { byId, el, setText, show, toast } from './dom.js';
import { number } from './format.js';

/* What an operator can do, each thing confirmed first. The cookie proves the session; the token, that this page asks. */

const TOKEN = 'tokenward-session';
let session = { keyNeeded: false, active: false };
let afterAction = () => undefined;

function headers() {
  const token = localStorage.getItem(TOKEN);
  return token === null ? {} : { 'x-tokenward-session': token };
}

/** Whether the server offers this. */
export function mayAct(kind, actions) {
  return actions.includes(kind);
}

/** `done` is called when something has been done. */
export async function startActions(done) {
  afterAction = done;
  byId('session').addEventListener('click', () => (session.active ? logout() : login()));
  byId('reload').addEventListener('click', () => act({ kind: 'reload' }));
  byId('drain').addEventListener('click', () => act({ kind: 'drain' }));
  byId('dialog-cancel').addEventListener('click', () => byId('dialog').close());
  await readSession();
}

/** Asks the server whether this browser is logged in: after a restart it is not. */
export async function readSession() {
  try {
    const response = await fetch('/session', { headers: headers() });
    session = await response.json();
  } catch {
    return;
  }
  const button = byId('session');
  show(button, session.keyNeeded);
  setText(button, session.active ? 'Log out' : 'Log in');
}

export function showActions({ actions, stopping }) {
  show(byId('reload'), actions.includes('reload') && !stopping);
  show(byId('drain'), actions.includes('drain') && !stopping);
}

/** Asks, does it, and says how it went. `account`: its status, if it is known. */
export function act(action, account) {
  if (session.keyNeeded && !session.active) {
    login(() => act(action, account));
    return;
  }
  const { title, body, label, isDangerous, url, done } = planOf(action, account);
  const withReserve = reserveBox(action, account);
  ask({ title, body: [...body, ...(withReserve ? [withReserve] : [])], label, isDangerous }, async () => {
    const isReserve = action.reserve === true || withReserve?.querySelector('input').checked === true;
    const answer = await send(isReserve ? `${url}?reserve=true` : url);
    toast(done(answer));
    afterAction();
  });
}

function planOf({ kind, account: name, reserve }, account) {
  if (kind === 'reload')
    return {
      title: 'Reload the configuration?',
      body: [el('p', {}, 'It is read and checked as a whole. If it has an error, nothing changes.')],
      label: 'Reload',
      url: '/reload',
      done: ({ changes = [] }) => `The configuration is applied${changes.length > 0 ? `: ${changes.join(', ')}` : ''}.`,
    };
  if (kind === 'drain')
    return {
      title: 'Drain and stop tokenward?',
      body: [
        el(
          'p',
          {},
          'It stops as after SIGTERM: it reports not ready, requests in flight end, then the process exits. A supervisor may start it again.',
        ),
        el('p', {}, 'Requests that arrive afterwards fail unless another process takes them.'),
      ],
      label: 'Drain and stop',
      isDangerous: true,
      url: '/drain',
      done: () => 'tokenward is shutting down.',
    };
  const budget = account?.budget;
  const left =
    budget === undefined ? '' : ` ${number(budget.remaining)} of ${number(budget.limit)} automatic logins are left.`;
  return {
    title: reserve === true ? `Renew ${name} with a login of the reserve?` : `Renew ${name}?`,
    body: [
      el(
        'p',
        {},
        `One request to its token endpoint is made now, even if the account is dead or waits after a failure.${left}`,
      ),
      ...(reserve === true
        ? [el('p', {}, 'If it takes a login and no automatic one is left, it spends one of the reserve.')]
        : []),
    ],
    label: reserve === true ? 'Spend a login' : 'Renew',
    url: `/renew/${encodeURIComponent(name)}`,
    done: ({ generation }) => `${name} has a new token, generation ${generation}.`,
  };
}

/** The choice to spend the reserve, where it is the only way. */
function reserveBox({ kind, reserve }, account) {
  const budget = account?.budget;
  if (kind !== 'renew' || reserve === true || budget === undefined) return undefined;
  if (budget.remaining > 0 || budget.reserveRemaining === 0) return undefined;
  return el(
    'label',
    { class: 'check' },
    el('input', { type: 'checkbox' }),
    ` Spend one of the ${budget.reserveRemaining} logins in reserve`,
  );
}

async function send(url) {
  const response = await fetch(url, { method: 'POST', headers: headers() });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (response.status === 401) await readSession();
  throw new Error(
    response.status === 401 ? 'Your session has ended. Log in again.' : messageOf(answer, response.status),
  );
}

function messageOf({ title, detail, advice, errors }, status) {
  const all = [title, detail, ...(Array.isArray(errors) ? errors.map(String) : []), advice].filter(
    (text) => text !== undefined,
  );
  return all.length === 0 ? `tokenward answered with status ${status}.` : all.join(' ');
}

/** A question in a dialog. `run` is called on yes; what it throws stands in the dialog, which stays open. */
function ask({ title, body, label, isDangerous = false }, run) {
  const dialog = byId('dialog');
  const confirm = byId('dialog-confirm');
  const failure = byId('dialog-failure');
  setText(byId('dialog-title'), title);
  byId('dialog-body').replaceChildren(...body);
  setText(confirm, label);
  confirm.classList.toggle('danger', isDangerous);
  confirm.disabled = false;
  show(failure, false);
  byId('dialog-form').onsubmit = async (event) => {
    event.preventDefault();
    confirm.disabled = true;
    setText(confirm, `${label} …`);
    show(failure, false);
    try {
      await run();
      dialog.close();
    } catch (error) {
      setText(failure, error instanceof TypeError ? 'No answer from tokenward.' : error.message);
      show(failure, true);
    } finally {
      confirm.disabled = false;
      setText(confirm, label);
    }
  };
  if (!dialog.open) dialog.showModal();
  (dialog.querySelector('input:not([type=checkbox])') ?? confirm).focus();
}

function login(then) {
  const input = el('input', {
    type: 'password',
    id: 'key',
    name: 'key',
    autocomplete: 'current-password',
    required: true,
    spellcheck: 'false',
  });
  const body = [
    el(
      'p',
      {},
      'To act here, enter the key whose digest is operator.key in the configuration. The session ends after 30 minutes without an action.',
    ),
    el('label', { for: 'key' }, "Operator's key"),
    input,
  ];
  ask({ title: 'Log in as operator', body, label: 'Log in' }, async () => {
    const response = await fetch('/session', { method: 'POST', headers: { 'x-tokenward-key': input.value } });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(messageOf(answer, response.status));
    localStorage.setItem(TOKEN, answer.token);
    await readSession();
    // The dialog is closed first; what was wanted asks in its turn.
    if (then !== undefined) setTimeout(then);
    else toast('You are logged in.');
  });
}

async function logout() {
  try {
    await fetch('/session', { method: 'DELETE', headers: headers() });
  } catch {
    toast('No answer from tokenward.', true);
    return;
  }
  localStorage.removeItem(TOKEN);
  await readSession();
  toast('You are logged out.');
}
