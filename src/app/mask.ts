import { hasSecretName } from '../config/secrets.ts';

/** Shorter secrets are masked only where one is the whole of a value: their text occurs by chance everywhere. */
const MIN_LENGTH = 3;
/** From this length on, the first two characters are shown: enough to tell two values apart, too few to guess one. */
const MIN_LENGTH_FOR_START = 8;

/** A secret as people see it: `pa…(14 characters)`. */
export function masked(secret: string): string {
  const start = secret.length >= MIN_LENGTH_FOR_START && /^[\x21-\x7e]{2}/.test(secret) ? secret.slice(0, 2) : '';
  return `${start}…(${secret.length} ${secret.length === 1 ? 'character' : 'characters'})`;
}

/** Hides secrets in texts by their value, in each spelling in which a request may carry them. */
export class Mask {
  readonly #secrets = new Set<string>();
  /** Spelling → secret. */
  readonly #spellings = new Map<string, string>();
  #pattern: RegExp | undefined;

  add(value: unknown): void {
    if (typeof value === 'object' && value !== null) return Object.values(value).forEach((inner) => this.add(inner));
    const secret = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
    if (secret === '' || this.#secrets.has(secret)) return;
    this.#secrets.add(secret);
    if (secret.length < MIN_LENGTH) return;
    for (const spelling of spellingsOf(secret)) this.#spellings.set(spelling, secret);
    this.#pattern = undefined;
  }

  /** The text with each secret in it masked. */
  text(text: string): string {
    if (this.#secrets.has(text)) return masked(text);
    if (this.#spellings.size === 0) return text;
    this.#pattern ??= new RegExp(
      // The longest first: one secret may begin with another.
      [...this.#spellings.keys()]
        .sort((a, b) => b.length - a.length)
        .map((spelling) => spelling.replaceAll(/[^A-Za-z0-9]/g, (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`))
        .join('|'),
      'gu',
    );
    return text.replace(this.#pattern, (found) => masked(this.#spellings.get(found)!));
  }

  /** The same for the value of a field; one whose name is that of a secret is masked as a whole. */
  field(name: string, value: string): string {
    const text = this.text(value);
    return text === value && value !== '' && hasSecretName(name) && !isPlaceholder(value) ? masked(value) : text;
  }

  /** A header field. Of credentials with a scheme, the scheme is shown, and of `Basic` the user. */
  header(name: string, value: string): string {
    const [, scheme, rest] = /^([A-Za-z][\w-]*) +(\S.*)$/.exec(value) ?? [];
    if (!/^(proxy-)?authorization$/i.test(name) || scheme === undefined || rest === undefined)
      return this.field(name, value);
    if (!/^basic$/i.test(scheme)) {
      const text = this.text(rest);
      return `${scheme} ${text === rest && !isPlaceholder(rest) ? masked(rest) : text}`;
    }
    const [user = '', ...password] = Buffer.from(rest, 'base64').toString('utf8').split(':');
    const shown = password.length === 0 ? '' : `:${this.field('password', password.join(':'))}`;
    return `${scheme} base64 of ${this.text(user)}${shown}`;
  }

  url(url: string): string {
    const mark = url.indexOf('?');
    return mark === -1 ? this.text(url) : `${this.text(url.slice(0, mark))}?${this.form(url.slice(mark + 1))}`;
  }

  /** Parameters of a query or form, decoded. */
  form(text: string): string {
    return [...new URLSearchParams(text)].map(([name, value]) => `${name}=${this.field(name, value)}`).join('&');
  }

  body(type: string, text: string): string {
    if (/x-www-form-urlencoded/i.test(type)) return this.form(text);
    if (!/json/i.test(type)) return this.text(text);
    return JSON.stringify(this.#json(JSON.parse(text) as unknown, ''));
  }

  #json(value: unknown, name: string): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#json(item, name));
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [this.text(key), this.#json(inner, key)]));
    if (typeof value === 'string') return this.field(name, value);
    if (typeof value !== 'number') return value;
    const text = this.field(name, String(value));
    return text === String(value) ? value : text;
  }
}

/** What stands for a value that is not known before an answer brings it. */
function isPlaceholder(value: string): boolean {
  return /^(?:[A-Za-z][\w-]* )?\{[A-Za-z]\w*\}$/.test(value);
}

function spellingsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const spellings = [
    secret,
    new URLSearchParams({ '': secret }).toString().slice(1),
    JSON.stringify(secret).slice(1, -1),
    secret.replaceAll(/[&<>"'\r]/g, (character) => `&#${character.charCodeAt(0)};`),
    bytes.toString('base64'),
    bytes.toString('base64url'),
  ];
  // Half a surrogate pair cannot be encoded.
  if (!/\p{Surrogate}/u.test(secret)) spellings.push(encodeURIComponent(secret));
  return [...new Set(spellings)];
}
