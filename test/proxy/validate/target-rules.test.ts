import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkEncodedPath, checkTarget } from '../../../src/proxy/target.ts';

/** Pieces of which targets that two readers see differently are made, among harmless ones. */
const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('/', 'api', 'a', '.', '..', ';', '?', '%', '=', '&', '@', ':', '1') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '%2e',
      '%2E',
      '%2f',
      '%5C',
      '%00',
      '%0d',
      '%7f',
      '%20',
      '%41',
      '%25',
      '%c3%a9',
      '%c0',
      '%ae',
      '%e0%80',
      '2e',
      '2f',
      '%32',
      '%2',
      '%zz',
      '%u002f',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '\\',
      '#',
      ' ',
      '\t',
      '\r\n',
      '\x00',
      '\x7f',
      '\xe9',
      '"',
      '<',
      '`',
      '{',
      '}',
      '|',
      '^',
      '[',
      ']',
      '//',
    ),
  },
);
const anyTarget = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));
const pathTarget = anyTarget.map((rest) => `/api/${rest}`);

/** Decoded once, byte by byte. */
function decoded(bytes: readonly number[]): number[] {
  const out: number[] = [];
  for (let i = 0; i < bytes.length; i += 1) {
    const digits = String.fromCharCode(...bytes.slice(i + 1, i + 3));
    if (bytes[i] === 0x25 && /^[0-9a-f]{2}$/i.test(digits)) {
      out.push(Number.parseInt(digits, 16));
      i += 2;
    } else {
      out.push(bytes[i]!);
    }
  }
  return out;
}

/** Whether decoding once more would bring out what structures a path, or a lenient reader of UTF-8 finds it there. */
function hidesStructure(bytes: readonly number[]): boolean {
  const count = (all: readonly number[]): number =>
    all.filter((byte) => byte < 0x20 || byte === 0x7f || byte === 0x2e || byte === 0x2f || byte === 0x5c).length;
  if (count(decoded(bytes)) > count(bytes)) return true;
  return bytes.some((byte, i) => {
    const next = (n: number, from: number, to: number): boolean =>
      (bytes[i + n] ?? 0) >= from && (bytes[i + n] ?? 0) <= to;
    if (byte === 0xc0 || byte === 0xc1) return next(1, 0x80, 0xbf);
    return byte === 0xe0 && next(1, 0x80, 0x81) && next(2, 0x80, 0xbf);
  });
}

/** The rules again, letter by letter. */
function allowed(target: string): boolean {
  if (target.length > 8_192 || target[0] !== '/' || target[1] === '/') return false;
  if (target.startsWith('/api//')) return false;
  let bytes = [...Buffer.from(target.split('?')[0]!, 'latin1')];
  for (let times = 0; times < 8; times += 1) {
    bytes = decoded(bytes);
    if (hidesStructure(bytes)) return false;
  }
  let inQuery = false;
  let segment = '';
  const segments: string[] = [];
  for (let i = 0; i < target.length; i += 1) {
    const letter = target[i]!;
    const code = letter.charCodeAt(0);
    if (code <= 0x20 || code >= 0x7f || letter === '#') return false;
    if (inQuery) continue;
    if (letter === '?') {
      inQuery = true;
      continue;
    }
    if ('"<>\\`[]{}|^'.includes(letter)) return false;
    if (letter === '%') {
      const digits = target.slice(i + 1, i + 3);
      if (digits.length < 2 || Array.from(digits).some((digit) => !'0123456789abcdefABCDEF'.includes(digit)))
        return false;
      const meant = Number.parseInt(digits, 16);
      if (meant < 0x20 || meant === 0x7f || '/\\.'.includes(String.fromCharCode(meant))) return false;
    }
    if (letter === '/') {
      segments.push(segment);
      segment = '';
    } else {
      segment += letter;
    }
  }
  segments.push(segment);
  return segments.every((one) => !['.', '..'].includes(one.split(';')[0]!));
}

function passes(target: string): boolean {
  try {
    checkTarget(target);
    // As on every route that has not asked for something else.
    const prefix = /^\/api(?=[/?]|$)/.test(target) ? '/api' : '';
    checkEncodedPath(target, { name: prefix, prefix, basePath: '' });
    return true;
  } catch {
    return false;
  }
}

describe('the rules for targets, against a second statement of them', () => {
  it('agree on targets made of traps', () => {
    fc.assert(
      fc.property(fc.oneof(pathTarget, anyTarget), (target) => passes(target) === allowed(target)),
      { numRuns: 20_000 },
    );
  });

  it('agree on any bytes at all', () => {
    const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => `/${Buffer.from(array).toString('latin1')}`);
    fc.assert(
      fc.property(bytes, (target) => passes(target) === allowed(target)),
      { numRuns: 10_000 },
    );
  });

  it('agree on the length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8_180, max: 8_200 }), fc.boolean(), (length, query) => {
        const target = (query ? '/api?' : '/api/').padEnd(length, 'x');
        return passes(target) === length <= 8_192;
      }),
    );
  });

  it('what passes stays where it is when a browser resolves it', () => {
    fc.assert(
      fc.property(pathTarget, (target) => {
        fc.pre(passes(target));
        const raw = target.split('?')[0]!;
        const resolved = new URL(`http://h${target}`).pathname;
        assert.equal(resolved, raw);
      }),
      { numRuns: 5_000 },
    );
  });
});
