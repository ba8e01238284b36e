import type { Equivalent } from './equivalent.ts';

const RESPONSE_PARSER = 'src/http/client/response-parser.ts';
const FAST_REQUEST = 'src/http/server/fast/request.ts';
const RAW_TARGETS = 'src/http/server/raw-targets.ts';

/** Several changes in one place of a file, for one reason. */
function entries(
  file: string,
  at: string,
  changes: readonly (readonly [was: string, now: string])[],
  reason: string,
): Equivalent[] {
  return changes.map(([was, now]) => ({ file, at, was, now, reason }));
}

/** Patterns of names that are tried only if the length is right. */
const ANCHORS: readonly (readonly [file: string, at: string, name: string])[] = [
  ['src/http/client/response-framing.ts', 'if (/^connection$/i.test(name))', 'connection'],
  ['src/http/client/response-framing.ts', 'else if (/^keep-alive$/i.test(name))', 'keep-alive'],
  ['src/http/client/response-framing.ts', 'if (!/^content-length$/i.test(name)) break;', 'content-length'],
  ['src/http/client/response-framing.ts', 'if (!/^transfer-encoding$/i.test(name)) break;', 'transfer-encoding'],
  [FAST_REQUEST, 'if (/^expect$/i.test(name)) return undefined;', 'expect'],
  [FAST_REQUEST, 'if (/^upgrade$/i.test(name)) return undefined;', 'upgrade'],
  [FAST_REQUEST, 'if (!/^connection$/i.test(name)) break;', 'connection'],
  [FAST_REQUEST, 'if (!/^content-length$/i.test(name)) break;', 'content-length'],
  [FAST_REQUEST, 'if (/^proxy-connection$/i.test(name)) return undefined;', 'proxy-connection'],
  [FAST_REQUEST, 'if (/^transfer-encoding$/i.test(name)) return undefined;', 'transfer-encoding'],
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
  ...entries(
    RESPONSE_PARSER,
    '#headRequest = false;',
    [['false', 'true']],
    '`expect` sets it before anything is read.',
  ),
  ...entries(
    RESPONSE_PARSER,
    'if (this.#pending === undefined && bytes[at] === CR && bytes[at + 1] === LF) {',
    [
      ['this.#pending === undefined && bytes[at] === CR && bytes[at + 1] === LF', 'false'],
      ['{…', '{}'],
    ],
    'A shorter way for the usual line end; the way below reads the same.',
  ),
  ...entries(
    RESPONSE_PARSER,
    'before === undefined ? (at === 0 ? bytes : bytes.subarray(at))',
    [['at === 0', 'false']],
    'All of the bytes, as another view of them.',
  ),
  ...entries(
    RESPONSE_PARSER,
    'const end = all.indexOf(HEAD_END, before === undefined ? 0',
    [['before === undefined', 'true']],
    'The bytes that came before are looked through once more: a matter of time only.',
  ),
  ...entries(
    RESPONSE_PARSER,
    'const match = lineEnd === -1 ? null : STATUS_LINE.exec(text.slice(0, lineEnd));',
    [
      ['lineEnd === -1', 'false'],
      ['-1', '+1'],
    ],
    'The header section without its last byte holds a control byte, or ends in CR: it is no status line.',
  ),
  ...entries(
    RESPONSE_PARSER,
    "? connection === '' ||",
    [
      ["connection === ''", 'false'],
      ["''", '"Stryker was here!"'],
    ],
    'The pattern finds nothing in an empty text: a matter of time only.',
  ),
  ...entries(
    FAST_REQUEST,
    'if (lineEnd === -1 || lineEnd > maxHeadBytes / 2) return undefined;',
    [
      ['lineEnd === -1', 'false'],
      ['-1', '+1'],
    ],
    'Up to -1 there are no bytes, and nothing is no request line.',
  ),
  ...entries(
    FAST_REQUEST,
    "if (typeof raw === 'string') return undefined;",
    [
      ["typeof raw === 'string'", 'false'],
      ["'string'", '""'],
    ],
    'Every reason for a refusal has a letter twice, which is then taken for a repeated field, and so refused.',
  ),
  ...entries(
    FAST_REQUEST,
    'if (other.length === name.length && (other === name || other.toLowerCase() === name.toLowerCase())) return true;',
    [
      ['other.length === name.length', 'true'],
      ['other === name', 'false'],
    ],
    'Shorter ways to the comparison in lower case: a matter of time only.',
  ),
  ...entries(
    FAST_REQUEST,
    'if (raw[i]!.length === name.length && raw[i]!.toLowerCase() === name) return raw[i + 1];',
    [['raw[i]!.length === name.length', 'true']],
    'A shorter way to the comparison in lower case: a matter of time only.',
  ),
  ...entries(
    RAW_TARGETS,
    "#tail = '';",
    [["''", '"Stryker was here!"']],
    'What is no CR or LF is no part of an empty line.',
  ),
  ...entries(
    RAW_TARGETS,
    "const headEnd = this.#state === 'fields' ? this.#headEnd(bytes, lineEnd) : -1;",
    [["this.#state === 'fields'", 'true']],
    'No empty line ends here: the request line has not ended.',
  ),
  ...entries(
    RAW_TARGETS,
    'if (message === undefined || message === null || message === previous) {',
    [['message === undefined', 'false']],
    'A parser without the property never has it, so that the message is the same as before.',
  ),
  ...entries(
    RAW_TARGETS,
    'this.#bodyRemaining = coding === undefined && Number(length) > 0 ? Number(length) : Infinity;',
    [
      ['coding === undefined && Number(length) > 0', 'coding === undefined || Number(length) > 0'],
      ['coding === undefined', 'true'],
      ['Number(length) > 0', 'true'],
      ['Number(length) > 0', 'Number(length) >= 0'],
    ],
    "Node's parser refuses a message with both, and one with neither, or of length 0, is complete already.",
  ),
  ...entries(
    RAW_TARGETS,
    'this.#toParser(end === bytes.length ? bytes : bytes.subarray(0, end));',
    [['end === bytes.length', 'false']],
    'All of the bytes, as another view of them.',
  ),
  ...entries(
    RAW_TARGETS,
    "const last = bytes.toString('latin1', Math.max(0, end - HEAD_END.length), end);",
    [['Math.max(0, end - HEAD_END.length)', 'Math.min(0, end - HEAD_END.length)']],
    'The last bytes of a longer text: a matter of time only.',
  ),
  ...entries(
    RAW_TARGETS,
    'if (isAscii(bytes.subarray(0, end))) return bytes;',
    [['isAscii(bytes.subarray(0, end))', 'false']],
    'A copy in which nothing has been changed: a matter of time only.',
  ),
];
