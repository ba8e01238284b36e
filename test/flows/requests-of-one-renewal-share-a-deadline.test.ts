import assert from 'node:assert/strict';
import { TOKEN_REQUEST_MS } from '../../src/deadlines.ts';
import { sharingOneDeadline, TokenCallError, type TokenResponse } from '../../src/flows/run.ts';

const REQUEST = { method: 'GET', url: 'https://id.example/', headers: {}, body: undefined };
const RESPONSE: TokenResponse = { status: 200, headers: {}, body: '{}' };

describe('the requests of one login or refresh', () => {
  const { now } = performance;
  let passed = 0;
  before(() => (performance.now = () => now.call(performance) + passed));
  after(() => (performance.now = now));
  beforeEach(() => (passed = 0));

  function start() {
    const given: number[] = [];
    const send = sharingOneDeadline(async (_request, ms) => {
      given.push(ms!);
      return RESPONSE;
    });
    return { given, send };
  }

  it('have the time of one in all', async () => {
    const { given, send } = start();
    await send(REQUEST);
    passed += 6_000;
    await send(REQUEST);
    assert.ok(given[0]! <= TOKEN_REQUEST_MS && given[0]! > TOKEN_REQUEST_MS - 1_000);
    assert.ok(given[1]! <= TOKEN_REQUEST_MS - 6_000 && given[1]! > TOKEN_REQUEST_MS - 7_000);
  });

  it('are not sent when too little of it is left', async () => {
    const { given, send } = start();
    passed += TOKEN_REQUEST_MS - 4_000;
    await assert.rejects(send(REQUEST), (error) => error instanceof TokenCallError && !error.maybeSent);
    assert.deepEqual(given, []);
  });
});
