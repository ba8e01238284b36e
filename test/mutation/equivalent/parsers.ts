import type { Equivalent } from './equivalent.ts';

const RESPONSE_PARSER = 'src/http/client/response-parser.ts';

/** Patterns of names that are tried only if the length is right. */
const ANCHORS: readonly (readonly [file: string, at: string, name: string])[] = [
  ['src/http/client/response-framing.ts', 'if (/^connection$/i.test(name))', 'connection'],
  ['src/http/client/response-framing.ts', 'else if (/^keep-alive$/i.test(name))', 'keep-alive'],
  ['src/http/client/response-framing.ts', 'if (!/^content-length$/i.test(name)) break;', 'content-length'],
  ['src/http/client/response-framing.ts', 'if (!/^transfer-encoding$/i.test(name)) break;', 'transfer-encoding'],
];

export const PARSERS_EQUIVALENT: readonly Equivalent[] = [
  ...ANCHORS.flatMap(([file, at, name]) =>
    [`/${name}$/i`, `/^${name}/i`].map((now) => ({
      file,
      at,
      was: `/^${name}$/i`,
      now,
      reason: 'The length of the name has been compared: there is room for nothing before or behind it.',
    })),
  ),
  {
    file: RESPONSE_PARSER,
    at: '#headRequest = false;',
    was: 'false',
    now: 'true',
    reason: '`expect` sets it before anything is read.',
  },
  ...['false', '{}'].map((now) => ({
    file: RESPONSE_PARSER,
    at: 'if (this.#pending === undefined && bytes[at] === CR && bytes[at + 1] === LF) {',
    was: now === '{}' ? '{…' : 'this.#pending === undefined && bytes[at] === CR && bytes[at + 1] === LF',
    now,
    reason: 'A shorter way for the usual line end; the way below reads the same.',
  })),
  {
    file: RESPONSE_PARSER,
    at: 'before === undefined ? (at === 0 ? bytes : bytes.subarray(at))',
    was: 'at === 0',
    now: 'false',
    reason: 'All of the bytes, as another view of them.',
  },
  {
    file: RESPONSE_PARSER,
    at: 'const end = all.indexOf(HEAD_END, before === undefined ? 0',
    was: 'before === undefined',
    now: 'true',
    reason: 'The bytes that came before are looked through once more: a matter of time only.',
  },
  ...[
    ['lineEnd === -1', 'false'],
    ['-1', '+1'],
  ].map(([was, now]) => ({
    file: RESPONSE_PARSER,
    at: 'const match = lineEnd === -1 ? null : STATUS_LINE.exec(text.slice(0, lineEnd));',
    was: was!,
    now: now!,
    reason: 'The header section without its last byte holds a control byte, or ends in CR: it is no status line.',
  })),
  ...[
    ["connection === ''", 'false'],
    ["''", '"Stryker was here!"'],
  ].map(([was, now]) => ({
    file: RESPONSE_PARSER,
    at: "? connection === '' ||",
    was: was!,
    now: now!,
    reason: 'The pattern finds nothing in an empty text: a matter of time only.',
  })),
];
