import { isConstantName, isIdentityName } from '../../config/public-names.ts';
import { hasSecretName } from '../../config/secrets.ts';
import { RESERVED } from '../../flows/schema/call.ts';
import { isJwt } from './likely.ts';

/** A value of the command that becomes a credential of the account. */
export interface DraftCredential {
  readonly name: string;
  /** What the account says: `${NAME}`, or the value itself if it is no secret. */
  readonly text: string;
  readonly secret: boolean;
}

const MIN_RANDOM_LENGTH = 16;
/** What a flow would read as a placeholder. */
const BRACED = /\{\s*[A-Za-z]\w*\s*(\}|\?|=)/;

/** Turns values of a command into placeholders, and remembers what they stand for. */
export class DraftCredentials {
  readonly #byName = new Map<string, DraftCredential & { readonly value: string }>();
  readonly #prefix: string;

  /** `prefix`: of the environment variables. */
  constructor(prefix: string) {
    const upper = prefix.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_');
    this.#prefix = /^[A-Z]/.test(upper) ? upper : `API_${upper}`;
  }

  get all(): readonly DraftCredential[] {
    return [...this.#byName.values()];
  }

  /**
   * The text for a field: a placeholder, unless its name is that of a constant. Secrets have all kinds of names, so
   * what is not known to be a constant counts as one.
   */
  field(name: string, value: string): string {
    if (value.trim() === '' || /^(true|false|null)$/.test(value)) return value;
    if (variableIn(value) !== undefined || looksRandom(value)) return this.take(name, value, true);
    const braced = BRACED.test(value);
    // A query without quotes in it holds no value of anybody's.
    if (braced && !/["'$]\{|["']/.test(value)) return this.#literal(name, value);
    if (!braced && isConstantName(name)) return this.withoutSecrets(value);
    return this.take(name, value, hasSecretName(name) || !isIdentityName(name));
  }

  /** The same for a header field, of which most are constants. */
  header(name: string, value: string): string {
    const isSecret = hasSecretName(name) || looksRandom(value, 8) || variableIn(value) !== undefined;
    if (isSecret || /auth|session|signature|credential/i.test(name)) return this.take(name, value, true);
    if (isIdentityName(name) || BRACED.test(value) || !/^[\x20-\x7e]*$/.test(value))
      return this.take(name, value, false);
    return this.withoutSecrets(value);
  }

  /** A placeholder for a value. */
  take(hint: string, value: string, secret: boolean): string {
    for (const known of this.#byName.values())
      if (known.value === value && (value.length >= 6 || known.name === credentialName(hint))) return `{${known.name}}`;
    const name = this.#free(credentialName(hint));
    const snake = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
    const text = `\${${variableIn(value) ?? `${this.#prefix}_${snake}`}}`;
    this.#byName.set(name, { name, text, secret, value });
    return `{${name}}`;
  }

  /** A text with each secret that occurs in it replaced by its placeholder. */
  withoutSecrets(text: string): string {
    let result = text;
    for (const { name, value, secret } of this.#byName.values())
      if (secret && value.length >= 8) result = result.replaceAll(value, `{${name}}`);
    return result;
  }

  #literal(hint: string, value: string): string {
    const name = this.#free(credentialName(hint));
    this.#byName.set(name, { name, text: value, secret: false, value });
    return `{${name}}`;
  }

  #free(name: string): string {
    let free = name;
    for (let count = 2; this.#byName.has(free); count += 1) free = `${name}${count}`;
    return free;
  }
}

/** The name of a variable, if a value is only that: `$NAME`, `${NAME}`. */
function variableIn(value: string): string | undefined {
  const found = /^\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))$/.exec(value);
  return found === null ? undefined : (found[1] ?? found[2]);
}

/** A text that a person hardly chose. */
export function looksRandom(value: string, minLength = MIN_RANDOM_LENGTH): boolean {
  if (isJwt(value)) return true;
  return (
    value.length >= minLength &&
    !/\s/.test(value) &&
    /\d/.test(value) &&
    /[A-Za-z]/.test(value) &&
    !/^https?:\/\/[^?@]*$|^[a-z]+\/[a-z0-9.+-]+(;[^/]*)?$/.test(value) &&
    !/^[\w.+-]+@[\w-]+(\.[\w-]+)+$/.test(value)
  );
}

/** A field's name as that of a credential: `client_id` becomes `clientId`. */
export function credentialName(field: string): string {
  const words = field
    .replace(/^x-(?=.)/i, '')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  const camel = words
    .map((word, index) => (index === 0 ? word[0]!.toLowerCase() : word[0]!.toUpperCase()) + word.slice(1))
    .join('');
  const name = /^[a-z]/.test(camel) ? camel : `value${camel}`;
  // All capitals: a variable's name rather.
  const plain = /^[a-z][A-Z0-9]+$/.test(name) ? name.toLowerCase() : name;
  if (plain === 'token') return 'apiToken';
  return plain === 'jwt' || (RESERVED as readonly string[]).includes(plain) ? `${plain}Given` : plain;
}
