import { readXml } from './xml.ts';

/** A response as locators and rules look at it: each form of its content is parsed once, when it is asked for. */
export class ResponseContent {
  readonly status: number;
  readonly #content: () => string | undefined;
  #text: { readonly value: string | undefined } | undefined;
  readonly #header: (name: string) => string | undefined;
  readonly #setCookie: readonly string[];
  #json: { readonly value: unknown } | undefined;
  #cookies: ReadonlyMap<string, string> | undefined;
  #form: URLSearchParams | undefined;
  #xml: ReturnType<typeof readXml> | undefined;

  /**
   * `content`: decodes it; undefined: there is none, or it is too long to be looked at. `setCookie`: the values of its
   * Set-Cookie fields.
   */
  constructor(
    status: number,
    header: (name: string) => string | undefined,
    content: () => string | undefined,
    setCookie: readonly string[] = [],
  ) {
    this.status = status;
    this.#content = content;
    this.#header = header;
    this.#setCookie = setCookie;
  }

  /** `name`: in lower case. */
  header(name: string): string | undefined {
    return this.#header(name);
  }

  get text(): string | undefined {
    this.#text ??= { value: this.#content() };
    return this.#text.value;
  }

  /** Undefined: the content is not JSON. */
  get json(): unknown {
    this.#json ??= { value: this.text === undefined ? undefined : parseJson(this.text) };
    return this.#json.value;
  }

  /** Those that the response sets, without the ones that it removes. */
  get cookies(): ReadonlyMap<string, string> {
    this.#cookies ??= cookiesSet(this.#setCookie);
    return this.#cookies;
  }

  get form(): URLSearchParams {
    this.#form ??= new URLSearchParams(this.text?.trim() ?? '');
    return this.#form;
  }

  /** The texts at an XML path; none if the content is not well-formed XML. */
  xml(path: string): string[] {
    this.#xml ??= readXml(this.text ?? '');
    return this.#xml(path);
  }
}

/** The parsed JSON, or undefined. Byte order marks and blanks before it are ignored. */
export function parseJson(text: string): unknown {
  try {
    // A response made of several files may have a byte order mark from each.
    return JSON.parse(text.replace(/^[\s\ufeff]+/, '')) as unknown;
  } catch {
    return undefined;
  }
}

/** What Set-Cookie fields set, by name (RFC 6265 §5.2). A cookie that they remove is left out. */
export function cookiesSet(fields: readonly string[]): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const field of fields) {
    const [pair = '', ...attributes] = field.split(';');
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(equals, 0)).trim();
    if (name === '') continue;
    const value = pair.slice(equals + 1).trim();
    cookies.delete(name);
    if (value !== '' && !attributes.some(removes)) cookies.set(name, value);
  }
  return cookies;
}

function removes(attribute: string): boolean {
  const [name = '', value = ''] = attribute.split('=').map((part) => part.trim());
  if (/^max-age$/i.test(name)) return Number(value) <= 0;
  // Removed by a date in the past; every other one ends the cookie long after the token.
  return /^expires$/i.test(name) && Date.parse(value) < Date.UTC(2001, 0);
}
