import { isFixed, type Flow } from '../flows/flow.ts';
import { attachedNames } from '../flows/attach.ts';
import { isUnexpanded, type Piece } from './expand.ts';
import type { NoteText } from './expand-leaves.ts';
import type { Path, Report } from './issues.ts';

/** Warnings in one report: more than a person reads at once. */
const MAX_WARNINGS = 50;

/** The pieces of a configuration's texts, kept while it is loaded. */
export class ExpandedTexts {
  readonly #texts: (readonly [path: Path, pieces: readonly Piece[]])[] = [];
  /** By the place of a signature in `attach`: its kind. */
  readonly #signatures = new Map<string, string>();
  readonly note: NoteText = (path, pieces) => {
    this.#texts.push([path, pieces]);
    if (path.at(-1) === 'sign' && path.includes('attach'))
      this.#signatures.set(placeOf(path.slice(0, -1)), literalOf(pieces));
  };

  /** Warns of secrets written in the file itself, and of values that look like an unexpanded variable. */
  warn(flowOf: ReadonlyMap<string, Flow>, report: Report): void {
    let found = 0;
    for (const [path, pieces] of this.#texts) {
      if (!this.#isSecret(path, pieces, flowOf)) continue;
      const message = secretProblem(pieces);
      if (message === undefined) continue;
      found += 1;
      if (found <= MAX_WARNINGS) report(path, message, 'inline_secret');
    }
    if (found > MAX_WARNINGS) report([], `${found - MAX_WARNINGS} more secrets are written inline`, 'inline_secret');
  }

  /** Environment variables that secrets come from. */
  variables(flowOf: ReadonlyMap<string, Flow>): string[] {
    const secrets = this.#texts.filter(([path, pieces]) => this.#isSecret(path, pieces, flowOf));
    return [
      ...new Set(
        secrets.flatMap(([, pieces]) => pieces.flatMap((piece) => (piece.from === 'variable' ? [piece.name] : []))),
      ),
    ];
  }

  #isSecret(path: Path, pieces: readonly Piece[], flowOf: ReadonlyMap<string, Flow>): boolean {
    return isSecret(path, pieces, flowOf, this.#signatures);
  }

  /** By route: which of its headers hold a secret. A value from a file counts as one. */
  secretHeaders(routes: readonly { readonly name: string }[]): Map<string, readonly string[]> {
    const found = new Map<string, readonly string[]>();
    for (const [path, pieces] of this.#texts) {
      const [top, index, part, name] = path.map(String);
      if (top !== 'routes' || part !== 'headers' || name === undefined) continue;
      if (!this.#isSecret(path, pieces, new Map()) && !pieces.some(({ from }) => from === 'file')) continue;
      const route = routes[Number(index)]!.name;
      found.set(route, [...(found.get(route) ?? []), name]);
    }
    return found;
  }

  /** By account: the credentials that come from files, so that they can be read again. */
  filesOf(): Map<string, Record<string, readonly Piece[]>> {
    const files = new Map<string, Record<string, readonly Piece[]>>();
    for (const [path, pieces] of this.#texts) {
      const [top, account, part, name, ...more] = path.map(String);
      if (
        top !== 'accounts' ||
        part !== 'credentials' ||
        name === undefined ||
        more.length > 0 ||
        !pieces.some(({ from }) => from === 'file')
      )
        continue;
      files.set(account!, { ...files.get(account!), [name]: pieces });
    }
    return files;
  }
}

/** Words in the name of a header field with a secret. "Author" is not "auth". */
const SECRET_HEADER = new RegExp(
  [
    'pass(word|wd|phrase)',
    'secret',
    'token(?!ward)',
    'auth(?!or(?!i[sz]))',
    'cookie',
    'credential',
    'session',
    'signature',
    '(^|[^a-z])pin$',
    '(^|[^a-z]|api|access)keys?(?![a-z])',
  ].join('|'),
  'i',
);
const NOT_SECRET_HEADER = /(url|uri|id|type|hint|name|file|path|prefix|ttl|expiry|version|mode|scheme)$/i;
/** Credentials with their scheme (RFC 9110 §11.4). */
const SCHEME = /^(basic|bearer|token) +\S/i;

/** Whether a header field of a route holds a secret, by its name or the beginning of its value. */
function isSecretHeader(name: string, literal: string): boolean {
  return (SECRET_HEADER.test(name) && !NOT_SECRET_HEADER.test(name)) || SCHEME.test(literal);
}

/** Names under which receivers of spans take their keys, besides those that say so. */
function isReceiverKey(name: string): boolean {
  return /team$|licen[cs]e/i.test(name);
}

function secretProblem(pieces: readonly Piece[]): string | undefined {
  const text = pieces.map((piece) => (piece.from === 'file' ? '' : piece.text)).join('');
  if (pieces.every(({ from }) => from === 'text')) {
    return text.trim() === ''
      ? undefined
      : 'is a secret written inline: anyone who sees the file has it. Write ${NAME} or ${file:/path}';
  }
  const [only] = pieces;
  return pieces.length === 1 && only!.from === 'variable' && (isUnexpanded(text) || /^\$\{[^{}]*\}$/.test(text))
    ? 'comes from a variable that holds only the name of another one, which is not expanded there'
    : undefined;
}

/** Words in the name of a secret; `NOT_SECRET_NAME`: endings of names for something about one. */
const SECRET_NAME = /password|passwd|passphrase|pwd|secret|key|token|authorization|cookie|(^|[^a-z])pin$/i;
const NOT_SECRET_NAME = /(url|uri|id|auth|type|hint|name|file|path|header|prefix|ttl|expiry)$/i;

/** Whether a credential of this name is a secret. */
export function hasSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !NOT_SECRET_NAME.test(name);
}

function isSecret(
  path: Path,
  pieces: readonly Piece[],
  flowOf: ReadonlyMap<string, Flow>,
  signatures: ReadonlyMap<string, string>,
): boolean {
  const names = path.map(String);
  const [top, second, third] = names;
  const last = names.findLast((name) => !/^\d+$/.test(name)) ?? '';
  const isSecretName = hasSecretName(last);
  const literal = literalOf(pieces);
  if (top === 'accounts' && third === 'credentials') return isSecretName || isFixedToken(last, flowOf.get(second!));
  if (top === 'store') return last === 'url' ? hasPassword(literal) : isSecretName && last !== 'keyPrefix';
  if (top === 'egressProxy') return hasPassword(literal);
  if ((top === 'flows' || top === 'accounts') && third === 'attach')
    return isSecretOfSignature(path, signatures) && !hasPlaceholder(literal);
  // A header, field or parameter of a call: text without a placeholder is sent unchanged.
  if (top === 'flows')
    return (
      isSecretName &&
      last !== 'keyEncoding' &&
      ['login', 'refresh', 'oauth', 'make'].includes(third ?? '') &&
      !['answer', 'refused'].includes(names.slice(3).find((name) => !/^\d+$/.test(name)) ?? '') &&
      !hasPlaceholder(literal)
    );
  if (top === 'tracing') return second === 'headers' && (isSecretHeader(last, literal) || isReceiverKey(last));
  return top === 'routes' && third === 'headers' && isSecretHeader(last, literal);
}

function literalOf(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (piece.from === 'text' ? piece.text : '')).join('');
}

function placeOf(path: Path): string {
  return path.map(String).join('\n');
}

function hasPlaceholder(text: string): boolean {
  return /\{[A-Za-z]/.test(text);
}

/** Whether a text is a secret of a signature. The name of a key is none. */
function isSecretOfSignature(path: Path, signatures: ReadonlyMap<string, string>): boolean {
  const names = path.map(String);
  const at = names.findIndex((_, length) => signatures.has(placeOf(path.slice(0, length))));
  if (at < 0) return false;
  const [key = '', ...more] = names.slice(at);
  if (key === 'headers' || key === 'query') return hasSecretName(more[0] ?? '');
  const kind = signatures.get(placeOf(path.slice(0, at)));
  if (key === 'keyEncoding' || key === 'consumerKey' || (kind === 'aws4' && key === 'key')) return false;
  return more.length === 0 && hasSecretName(key);
}

/** True for the fixed token of a flow without login and refresh, whatever the credential's name. */
export function isFixedToken(name: string, flow: Flow | undefined): boolean {
  if (flow === undefined || !isFixed(flow)) return false;
  const names = attachedNames(flow.attach);
  return names.length === 1 && names[0] === name;
}

function hasPassword(url: string): boolean {
  return /^[a-z]+:\/\/[^/@:]*:[^/@]+@/i.test(url);
}
