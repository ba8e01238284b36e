import { findAccount, placeInFlow, type LoadedConfig } from '../config/load.ts';
import { isConstantName, isIdentityName } from '../config/public-names.ts';
import { hasSecretName } from '../config/secrets.ts';
import { attachedNames, Attacher, type Attachment } from '../flows/attach.ts';
import { isFixed, type Flow, type TokenCall } from '../flows/flow.ts';
import { locate } from '../flows/locator.ts';
import { placesIn } from '../flows/places.ts';
import { verdictOn } from '../flows/oauth/outcome.ts';
import { textsOfOauth } from '../flows/oauth/schema.ts';
import { PRESETS } from '../flows/presets.ts';
import { ReadResponse } from '../flows/response.ts';
import { TokenCallError, type RunObserver, type SendTokenCall, type TokenRequest } from '../flows/run.ts';
import { placeholdersIn } from '../flows/template.ts';
import { isTokenText, Token, type Grant } from '../tokens/token.ts';
import { textsOf } from '../flows/names.ts';
import { textsOf as textsAttached } from '../flows/schema/attach.ts';
import type { Verdict } from '../flows/verdict.ts';
import { systemClock } from '../tokens/clock.ts';
import type { Credential, Outcome } from '../tokens/credential.ts';
import { credentialSource, type AccountCredentials, type SenderFor } from './credentials.ts';
import { egressProxy } from './egress-proxy.ts';
import { Mask } from './mask.ts';
import { senders } from './token-senders.ts';

/** One request of a login or refresh, with what came of it. Holds secrets. */
export interface TriedCall {
  readonly call: TokenCall;
  /** It only reads an authorization server's metadata. */
  readonly isMetadata?: boolean;
  readonly request: TokenRequest;
  response?: ReadResponse;
  verdict?: Verdict;
}

/** A login or refresh that was tried. `outcome`: undefined if nothing was sent. */
export interface TriedRenewal {
  readonly kind: 'login' | 'refresh';
  readonly calls: readonly TriedCall[];
  /** Calls of the flow that were not made, because an earlier one brought too little. */
  readonly notMade: readonly TokenCall[];
  readonly outcome: Outcome | undefined;
}

/** What stands for the tokens of a request that is only shown. */
const NO_TOKEN = '{token}';
const NO_REFRESH_TOKEN = '{refreshToken}';

/**
 * Tries out one account: its calls are built, sent and judged by the code of `serve`, and each step is recorded.
 * Nothing is stored.
 */
export class FlowTrial {
  readonly account: string;
  readonly flowName: string;
  readonly flow: Flow;
  readonly credential: Credential;
  readonly mask = new Mask();
  /** Everything that a described error must not quote. */
  readonly secrets: Record<string, unknown> = {};
  readonly credentials: AccountCredentials;
  /** Where a part of the flow is written. */
  readonly placeOf: (place: readonly (string | number)[]) => string;
  readonly #dryRun: boolean;
  /** Credentials that are no secrets. */
  readonly #publicValues: unknown[] = [];
  #calls: TriedCall[] = [];
  #kind: TriedRenewal['kind'] = 'login';
  readonly #oauthCalls: [kind: TriedRenewal['kind'], call: TokenCall][] = [];

  /** `dryRun`: requests are shown and not sent. Throws a ConfigError. */
  constructor(config: LoadedConfig, account: string, dryRun: boolean) {
    const { settings, flow } = findAccount(config, account)!;
    this.account = account;
    this.flowName = settings.flow;
    this.flow = flow;
    this.#dryRun = dryRun;
    this.placeOf = (place) => placeInFlow(config, this.flowName, place);
    const sendNothing: SendTokenCall = () => Promise.reject(new TokenCallError('connect', false));
    const senderFor = dryRun ? () => sendNothing : senders(undefined, egressProxy(config));
    const watched: SenderFor = (tls) => this.#watchingOauth(senderFor(tls));
    this.credentials = credentialSource(config, systemClock, watched, { observer: this.#observer() });
    this.credential = this.credentials.get(account)!;
    const secret = secretNames(flow, Object.keys(config.files.get(account) ?? {}));
    for (const [name, value] of Object.entries(settings.credentials)) {
      if (secret.has(name) || hasSecretName(name) || !(isConstantName(name) || isIdentityName(name)))
        this.addSecret(value);
      else this.#publicValues.push(value);
      this.secrets[`credential ${name}`] = value;
    }
    if (this.credential.staticToken !== undefined) this.addSecret(this.credential.staticToken);
  }

  /** One login. */
  async login(): Promise<TriedRenewal> {
    return this.#renewal('login', () => this.credential.login());
  }

  /** One refresh, which spends the refresh token of `token`. Without a token: only what would be sent. */
  async refresh(token: Token | undefined): Promise<TriedRenewal> {
    const names = (this.flow.refresh ?? []).flatMap((call) =>
      textsOf(call).flatMap(([, text]) => placeholdersIn(text).map(({ name }) => name)),
    );
    const values = Object.fromEntries(names.map((name) => [name, `{${name}}`]));
    const own = this.credentials.valuesOf(this.account);
    const unknown = Object.fromEntries(Object.entries(values).filter(([name]) => !Object.hasOwn(own, name)));
    const current = token ?? newToken({ ...EMPTY, secret: NO_TOKEN, refreshSecret: NO_REFRESH_TOKEN, values: unknown });
    return this.#renewal('refresh', () => this.credential.refresh(current));
  }

  /** The token that a grant makes, or the fixed one; without either one that stands for it. */
  tokenOf(grant: Grant | undefined): Token {
    if (grant !== undefined) return newToken(grant);
    const values = attachedNames(this.flow.attach).map((name) => [name, `{${name}}`] as const);
    return newToken({
      ...EMPTY,
      secret: this.credential.staticToken ?? NO_TOKEN,
      values: isFixed(this.flow) ? {} : Object.fromEntries(values.filter(([name]) => !this.#hasCredential(name))),
    });
  }

  /** What requests with this token carry. Throws a TokenwardError. */
  attachment(token: Token): Attachment {
    return new Attacher(this.flow.attach, this.credentials.valuesOf, hasSecretName).of(token, this.account);
  }

  /** What a response has brought is secret, unless the flow itself names it. */
  addAnswer(response: ReadResponse): void {
    const known = JSON.stringify([this.flow, this.#publicValues]);
    for (const { place, value } of placesIn(response)) {
      // A code is judged by itself: it is shown if it quotes nothing.
      if (CODES.includes(place)) continue;
      this.secrets[`answer ${Object.keys(this.secrets).length} ${place}`] = value;
      if (typeof value === 'string' && value.length >= 8 && isTokenText(value) && !known.includes(value))
        this.addSecret(value);
    }
  }

  #hasCredential(name: string): boolean {
    return Object.hasOwn(this.credentials.valuesOf(this.account), name);
  }

  /** A value that is never printed. */
  addSecret(value: unknown): void {
    this.mask.add(value);
    this.secrets[`secret ${Object.keys(this.secrets).length}`] = value;
  }

  async #renewal(kind: 'login' | 'refresh', run: () => Promise<Outcome>): Promise<TriedRenewal> {
    this.#calls = [];
    this.#kind = kind;
    const outcome = await run();
    const calls = this.#calls;
    const made = new Set(calls.map(({ call }) => call));
    const all = this.flow.oauth === undefined ? (this.flow[kind] ?? []) : [this.#oauthCall()];
    const notMade = all.filter((call) => !made.has(call));
    if (outcome.kind === 'failed') this.addSecret(outcome.rotated);
    if (outcome.kind === 'granted') {
      this.addSecret(outcome.grant.secret);
      this.addSecret(outcome.grant.refreshSecret);
      this.addSecret(outcome.grant.values);
    }
    // Only an unbuildable call is known without sending it.
    return { kind, calls, notMade, outcome: this.#dryRun && outcome.kind !== 'impossible' ? undefined : outcome };
  }

  /** The token request of an oauth flow, as far as it can be described like the call of another flow. */
  #oauthCall(): TokenCall {
    const [known] = this.#oauthCalls.filter(([kind]) => kind === this.#kind);
    if (known !== undefined) return known[1];
    const [call] = PRESETS['oauth2']![this.#kind]!;
    const answer = { ...call!.answer, ...this.flow.oauth!.answer };
    const described = { ...call!, url: this.flow.oauth!.tokenUrl ?? '{token_endpoint}', answer };
    this.#oauthCalls.push([this.#kind, described]);
    return described;
  }

  /** OAuth requests are made by a library, so they are seen where they are sent. */
  #watchingOauth(send: SendTokenCall): SendTokenCall {
    const { oauth, refused, busy } = this.flow;
    if (oauth === undefined) return send;
    const observer = this.#observer();
    return async (request, ms) => {
      if (request.method !== 'POST') {
        const metadata: TriedCall = { call: this.#oauthCall(), isMetadata: true, request };
        this.#calls.push(metadata);
        const raw = await send(request, ms);
        metadata.response = new ReadResponse(raw);
        return raw;
      }
      const form = new URLSearchParams(request.body);
      for (const name of SECRET_PARAMETERS)
        for (const value of form.getAll(name)) if (value !== NO_REFRESH_TOKEN) this.addSecret(value);
      this.addSecret(request.headers['dpop']);
      observer.sending(this.#oauthCall(), request);
      const raw = await send(request, ms);
      const response = new ReadResponse(raw);
      observer.answered(response);
      if (response.status >= 300 || typeof locate('/access_token', response)[0] !== 'string')
        observer.judged(verdictOn(response, this.#kind === 'refresh', { refused, busy }));
      return raw;
    };
  }

  #observer(): RunObserver {
    return {
      made: (values) => this.addSecret(values),
      sending: (call, request) => void this.#calls.push({ call, request }),
      answered: (response) => {
        const last = this.#calls.at(-1)!;
        last.response = response;
        for (const [name, place] of Object.entries(last.call.answer)) {
          if (typeof place === 'string' && !PUBLIC_PLACES.includes(name))
            this.addSecret(locate(place, response).slice(0, 1));
        }
        this.addAnswer(response);
      },
      judged: (verdict) => {
        this.#calls.at(-1)!.verdict = verdict;
      },
    };
  }
}

/** Names in `answer` whose values are no secrets. */
export const PUBLIC_PLACES: readonly string[] = [
  'tokenType',
  'expiresIn',
  'expiresAt',
  'refreshExpiresIn',
  'refreshExpiresAt',
];

/** What a request to an authorization server proves by. */
const SECRET_PARAMETERS =
  'client_secret client_assertion assertion password refresh_token subject_token actor_token'.split(' ');

/** Where an error's code stands. */
const CODES = ['/error', '/error/code', '/errors/0/error'];

const EMPTY: Omit<Grant, 'secret'> = { refreshSecret: undefined, lifetime: undefined, refreshLifetime: undefined };

function newToken({ secret, refreshSecret, lifetime, refreshLifetime, values }: Grant): Token {
  const now = systemClock.wall();
  const endOf = (seconds: number | undefined): number | undefined =>
    seconds === undefined ? undefined : now + seconds * 1000;
  return new Token(
    {
      generation: 1,
      obtainedAt: now,
      expiresAt: endOf(lifetime),
      refreshExpiresAt: endOf(refreshLifetime),
      deadline: Infinity,
    },
    secret,
    refreshSecret,
    values,
  );
}

/** Credentials that are secret by their use: those from files, passwords of Basic authentication, keys. */
function secretNames(flow: Flow, fromFiles: readonly string[]): ReadonlySet<string> {
  const names = (text: string): string[] => placeholdersIn(text).map(({ name }) => name);
  const ofBasic = (text: string): string[] => names(text.slice(text.indexOf(':') + 1));
  const calls = [...(flow.login ?? []), ...(flow.refresh ?? [])];
  return new Set([
    ...fromFiles,
    ...(flow.oauth === undefined ? [] : textsOfOauth(flow.oauth)).flatMap(([[key], text]) =>
      SECRET_TEXTS.includes(String(key)) ? names(text) : [],
    ),
    ...calls.flatMap(({ basic = '', client }) => [...ofBasic(basic), ...names(client?.secret ?? '')]),
    ...calls.flatMap((call) => textsOf(call).flatMap(([path, text]) => (isKey(path) ? names(text) : []))),
    ...flow.attach.flatMap((part) => {
      if ('basic' in part) return ofBasic(part.basic);
      if (!('sign' in part)) return [];
      return textsAttached(part).flatMap(({ path, text }) => (hasSecretName(path.at(-1)!) ? names(text) : []));
    }),
    ...(isFixed(flow) && attachedNames(flow.attach).length === 1 ? attachedNames(flow.attach) : []),
  ]);
}

const SECRET_TEXTS = ['clientSecret', 'key', 'password', 'assertion', 'subjectToken', 'actorToken'];

/** The key of a signature, or a field of a secret's name that is filled from a credential of another name. */
function isKey(path: readonly (string | number)[]): boolean {
  const [top] = path;
  const last = String(path.at(-1));
  return top === 'make'
    ? last === 'key'
    : ['form', 'json', 'query', 'headers'].includes(String(top)) && hasSecretName(last);
}
