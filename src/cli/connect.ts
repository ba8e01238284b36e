import { createInterface } from 'node:readline/promises';
import { egressProxy } from '../app/egress-proxy.ts';
import { leaseOwner } from '../app/process-identity.ts';
import { senders } from '../app/token-senders.ts';
import { findAccount, loadConfig, type LoadedConfig } from '../config/load.ts';
import type { Flow } from '../flows/flow.ts';
import { connectByCode, connectByDevice } from '../flows/oauth/connect.ts';
import { OauthMemory } from '../flows/oauth/memory.ts';
import type { Oauth } from '../flows/oauth/schema.ts';
import { grantedBy } from '../flows/obtain.ts';
import { listenForCallback } from '../http/server/callback.ts';
import { systemClock } from '../tokens/clock.ts';
import type { Grant } from '../tokens/token.ts';
import { ImportTargetError, importTarget, noteNewStore, storeGrant } from './import-account.ts';
import { configFile, print, type ConfigOptions } from './options.ts';
import { storeDependencies } from './store-dependencies.ts';

/** The authorization server gave no token; the message says why. */
export class ConnectError extends Error {}

/** `tokenward connect`: a person consents in a browser, or on another device, and the tokens go into the store. */
export async function connect(options: ConfigOptions & { readonly device?: boolean }, account: string): Promise<void> {
  const config = loadConfig(configFile(options), process.env);
  const credential = importTarget(config, account);
  const { flow, oauth } = oauthOf(config, account);
  const grant = await consent(config, account, flow, oauth, options.device === true);
  const dependencies = { ...storeDependencies(), owner: leaseOwner() };
  const { message, newStore } = await storeGrant(config, credential, grant, dependencies);
  noteNewStore(newStore);
  print(`${message}\n`);
}

function oauthOf(config: LoadedConfig, account: string): { flow: Flow; oauth: Oauth } {
  const { flow, settings } = findAccount(config, account)!;
  if (flow.oauth !== undefined) return { flow, oauth: flow.oauth };
  throw new ImportTargetError(`the flow ${settings.flow} has no oauth, so there is nobody to ask for a consent`);
}

async function consent(
  config: LoadedConfig,
  account: string,
  flow: Flow,
  oauth: Oauth,
  device: boolean,
): Promise<Grant> {
  const { settings } = findAccount(config, account)!;
  const values = settings.credentials;
  const send = senders(undefined, egressProxy(config))(settings.tls);
  const now = (): number => systemClock.wall();
  const caller = { send, now, memory: new OauthMemory(), rules: { refused: flow.refused, busy: flow.busy } };
  const { signal } = new AbortController();
  const result = device
    ? await connectByDevice(oauth, values, caller, {
        signal,
        onUserCode: ({ userCode, verificationUri, complete }) =>
          say(
            `Open ${verificationUri} on any device and enter the code ${userCode}` +
              `${complete === undefined ? '' : `, or open\n${complete}`}\nWaiting for the consent (Ctrl-C ends it).`,
          ),
      })
    : await connectByCode(oauth, values, caller, {
        signal,
        listen: listenForCallback,
        onUrl: (url) => say(`Open this address in a browser:\n${url}\nWaiting for the consent (Ctrl-C ends it).`),
        paste,
      });
  const outcome = grantedBy(result, { flow, now }, values, {});
  if (outcome.kind === 'granted') return outcome.grant;
  const detail = 'detail' in outcome && outcome.detail !== undefined ? `: ${outcome.detail}` : '';
  throw new ConnectError(`no token for ${account} (${outcome.reason}${detail}); nothing was stored`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Where the redirect URI does not lead to this machine. */
async function paste(signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question('Paste the address at which the browser has ended: ', { signal })).trim();
  } finally {
    terminal.close();
  }
}
