import assert from 'node:assert/strict';
import { ImportInputError, readImport } from '../../src/cli/import-input.ts';

const NOW = Date.UTC(2026, 10, 26);
const only = (refreshSecret: string): unknown => ({ refreshSecret, secret: undefined, expiresAt: undefined });

describe('what tokenward import reads', () => {
  const GOOD: readonly (readonly [what: string, input: string, grant: unknown])[] = [
    ['a bare line', 'r-1\n', only('r-1')],
    ['a bare line of Windows, with a byte order mark', '\uFEFFr-1\r\n', only('r-1')],
    ['a JSON string, as jq prints it', '"r-1"\n', only('r-1')],
    ['an object', '{"refresh_token":"r-1"}', only('r-1')],
    [
      'an object in camel case',
      '{"refreshToken":"r-1","accessToken":"a-1"}',
      { refreshSecret: 'r-1', secret: 'a-1', expiresAt: undefined },
    ],
    [
      'an access token with its life',
      '{"refresh_token":"r-1","access_token":"a-1","expires_in":"60"}',
      { refreshSecret: 'r-1', secret: 'a-1', expiresAt: NOW + 60_000 },
    ],
    [
      'an end in unix seconds',
      `{"refresh_token":"r-1","access_token":"a-1","expires_at":${NOW / 1000 + 60}}`,
      { refreshSecret: 'r-1', secret: 'a-1', expiresAt: NOW + 60_000 },
    ],
    [
      'an end in unix milliseconds',
      `{"refresh_token":"r-1","access_token":"a-1","expires_at":${NOW + 60_000}}`,
      { refreshSecret: 'r-1', secret: 'a-1', expiresAt: NOW + 60_000 },
    ],
    [
      'an end as a date',
      '{"refresh_token":"r-1","access_token":"a-1","expires_at":"2026-11-26T00:01:00Z"}',
      { refreshSecret: 'r-1', secret: 'a-1', expiresAt: NOW + 60_000 },
    ],
    [
      'an access token that is over',
      '{"refresh_token":"r-1","access_token":"a-1","expires_at":"2026-11-25T23:59:00Z"}',
      only('r-1'),
    ],
    ['an end without an access token', '{"refresh_token":"r-1","access_token":null,"expires_in":60}', only('r-1')],
  ];
  for (const [what, input, grant] of GOOD) it(`takes ${what}`, () => assert.deepEqual(readImport(input, NOW), grant));

  const BAD: readonly (readonly [what: string, input: string, message: RegExp])[] = [
    ['nothing', '\n', /there is no refresh token on standard input/],
    ['null, as jq prints what is not there', 'null\n', /must hold a refresh token on one line/],
    ['a list', '["r-1"]', /must hold a refresh token on one line/],
    ['an object without a refresh token', '{"access_token":"a-1"}', /the JSON object has no refresh_token/],
    ['a refresh token that is no text', '{"refresh_token":17}', /refresh_token must be text/],
    ['two lines', 'r-1\nr-2\n', /the refresh token must be visible ASCII without spaces or line ends/],
    ['letters that no header carries', 'r-\u00e9', /visible ASCII/],
    ['a token longer than any', 'r'.repeat(16_385), /at most 16384 characters/],
    [
      'an access token that no header carries',
      '{"refresh_token":"r-1","access_token":"a\\r\\nb"}',
      /access_token must be visible ASCII/,
    ],
    ['half of an object', '{"refresh_token":"r-1"', /begins like JSON and is not well-formed/],
    [
      'a life that is no number',
      '{"refresh_token":"r-1","access_token":"a-1","expires_in":"soon"}',
      /expires_in must be a number of seconds/,
    ],
    [
      'an end that is no time',
      '{"refresh_token":"r-1","access_token":"a-1","expires_at":"soon"}',
      /expires_at must be/,
    ],
  ];
  for (const [what, input, message] of BAD) {
    it(`refuses ${what}, in words that do not repeat it`, () => {
      assert.throws(
        () => readImport(input, NOW),
        (error) => error instanceof ImportInputError && message.test(error.message) && !error.message.includes('r-1'),
      );
    });
  }
});
