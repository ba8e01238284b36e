import type { Equivalent } from './equivalent.ts';

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
];
