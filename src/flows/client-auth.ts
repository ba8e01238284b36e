import type { TokenCall } from './flow.ts';
import { fillString, UnfitValueError, type TemplateValues } from './template.ts';

/** How an OAuth 2.0 client authenticates (RFC 6749 §2.3.1): in the form, or by HTTP Basic. */
export type ClientAuth = 'post' | 'basic';

/** The values that an account may set. */
export const CLIENT_AUTHS: readonly string[] = ['auto', 'post', 'basic'];

/** Remembered clients; beyond it the oldest are forgotten and tried again. */
const MAX_REMEMBERED = 10_000;

/**
 * Which authentication each client's endpoint accepts. In memory only: trying again costs one call that spends nothing.
 */
export class ClientAuthMemory {
  readonly #auths = new Map<string, ClientAuth>();

  get(client: string): ClientAuth | undefined {
    return this.#auths.get(client);
  }

  remember(client: string, auth: ClientAuth): void {
    this.#auths.delete(client);
    this.#auths.set(client, auth);
    if (this.#auths.size > MAX_REMEMBERED) this.#auths.delete(this.#auths.keys().next().value!);
  }
}

/** A client's credentials with placeholders filled in. Holds a secret. */
export interface ClientCredentials {
  readonly id: string;
  readonly secret: string;
  readonly auth: 'auto' | ClientAuth;
}

/** The client credentials of a call, if it has any. Throws an UnfillableError. */
export function clientOf(call: TokenCall, values: TemplateValues): ClientCredentials | undefined {
  if (call.client === undefined) return undefined;
  const [id, secret, auth] = [call.client.id, call.client.secret, call.client.auth].map((text) =>
    fillString(text, values),
  ) as [string, string, string];
  if (auth !== 'auto' && auth !== 'post' && auth !== 'basic')
    throw new UnfitValueError(`a client authenticates by one of ${CLIENT_AUTHS.join(', ')}`);
  return { id, secret, auth };
}

/** A client's credentials as fields of a form. */
export function clientForm({ id, secret }: ClientCredentials): string {
  return new URLSearchParams({ client_id: id, ...(secret !== '' && { client_secret: secret }) }).toString();
}

/** `Authorization: Basic` of a client: both parts are form-encoded before they are joined (RFC 6749 §2.3.1). */
export function clientBasic({ id, secret }: ClientCredentials): string {
  return basic(formEncoded(id), formEncoded(secret));
}

/** `Authorization: Basic` of a call's own `user:password`. Throws an UnfillableError. */
export function callBasic(template: string, values: TemplateValues): string {
  // The first colon of the template itself is the separator; a colon in a filled-in password is not.
  const colon = template.replaceAll(/\{[^{}]*\}/g, (placeholder) => '.'.repeat(placeholder.length)).indexOf(':');
  if (colon === -1) return basic(fillString(template, values));
  const user = fillString(template.slice(0, colon), values);
  if (user.includes(':')) throw new UnfitValueError('the user of a Basic authentication cannot hold a colon');
  return basic(user, fillString(template.slice(colon + 1), values));
}

function basic(...parts: readonly string[]): string {
  return `Basic ${Buffer.from(parts.join(':'), 'utf8').toString('base64')}`;
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
