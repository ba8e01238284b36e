import assert from 'node:assert/strict';
import { isFromAnswer } from '../../src/flows/hosts.ts';

const credentials = { given: 'optional' } as const;

describe('the host of a call', () => {
  for (const url of [
    '{found}',
    '{found}/token',
    'https://{found}/token',
    'https://a.{found}',
    '{found=https://a.example}/x',
  ])
    it(`may come from an answer: ${url}`, () => assert.equal(isFromAnswer({ credentials }, url), true));
  for (const url of ['/x/{found}', 'https://a.example/{found}', '{given}/{found}', '{given=https://a.example}/{found}'])
    it(`may not: ${url}`, () => assert.equal(isFromAnswer({ credentials }, url), false));
});
