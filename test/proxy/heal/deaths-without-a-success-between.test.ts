import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import type { SendTokenCall } from '../../../src/flows/run.ts';
import { tokenCallSender } from '../../../src/app/token-endpoint-client.ts';
import { call, metric, type Answer } from '../../support/call.ts';
import { FakeClock } from '../../support/clock.ts';
import { closing } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { startProxy } from '../../support/proxy.ts';
import { pieces, upload } from '../../support/upload.ts';
import { both, freshWorld, tokenCalls, withRoute } from '../../support/world.ts';

const MIB = 1024 * 1024;

describe('a token that dies twice without a success between', () => {
  const clock = new FakeClock();
  const world = freshWorld({ surroundings: { clock } });

  it('with uploads that cannot be sent again: all other calls are healed at once', async () => {
    const { sandbox, proxy, call: ask } = world();
    await ask('/crm/v1/licenses');
    for (let death = 0; death < 2; death += 1) {
      sandbox.chatapp.revokeCurrent();
      assert.equal(
        (await upload(proxy.url, '/crm/v1/sandbox/anything', pieces(3 * MIB), { length: 3 * MIB })).status,
        403,
      );
    }
    for (let i = 0; i < 59; i += 1) {
      assert.equal((await ask('/crm/v1/licenses')).status, 200);
      clock.pass(500);
    }
    assert.ok(tokenCalls(sandbox, 'chatapp') <= 4, `${tokenCalls(sandbox, 'chatapp')} token calls`);
  });

  it('with uploads a few seconds apart: each renews, and its caller may send it again', async () => {
    const { sandbox, proxy, call: ask } = world();
    await ask('/crm/v1/licenses');
    for (let death = 0; death < 2; death += 1) {
      sandbox.chatapp.revokeCurrent();
      const answer = await upload(proxy.url, '/crm/v1/sandbox/anything', pieces(3 * MIB), { length: 3 * MIB });
      assert.equal(answer.headers['x-tokenward-replay'], 'not-replayed; may-resend');
      clock.pass(3_000);
    }
    assert.equal((await upload(proxy.url, '/crm/v1/sandbox/echo', pieces(3 * MIB), { length: 3 * MIB })).status, 200);
  });
});

describe('a token that dies again after a replay that had no answer', () => {
  const close = closing();

  it('is renewed for the next call: nobody has tried it', async () => {
    const world = await close(startSandbox());
    const dead = { status: 401, body: '{"errors":[{"error":1007}]}' };
    const answers = [{ status: 200, body: '{}' }, dead, undefined, dead, { status: 200, body: '{}' }];
    const upstream = await close(
      fakeUpstream((request, response) => {
        const answer = answers.shift();
        if (answer === undefined) request.socket.destroy();
        else response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
      }),
    );
    const proxy = await close(startProxy(world, { config: withRoute('/softline', { upstream: upstream.url }) }));
    const pay = async (): Promise<number> =>
      (await call(proxy.url, '/softline/pay', { method: 'POST', body: '{}' })).status;
    assert.deepEqual([await pay(), await pay(), await pay()], [200, 502, 200]);
    assert.equal(tokenCalls(world, 'softline'), 3);
  });
});

describe('a token that is killed from outside again and again', () => {
  const send = tokenCallSender({}, () => '');
  // Some tokens die on their way here.
  const slow: SendTokenCall = async (...given) => {
    const answer = await send(...given);
    await sleep(40);
    return answer;
  };
  const world = freshWorld({ surroundings: { sendTokenCall: slow } });

  it('every 150 ms, or while it is being renewed: calls are healed, and hardly one of them meets a death between its renewal and its second try', async function () {
    this.timeout(30_000);
    const { sandbox, call: ask } = world();
    await ask('/crm/v1/licenses');
    let killer: NodeJS.Timeout;
    let kills = 0;
    const kill = (): void => {
      sandbox.chatapp.revokeCurrent();
      kills += 1;
      // Each third time again while the renewal is on its way.
      killer = setTimeout(kill, kills % 3 === 0 ? 25 : 150);
    };
    killer = setTimeout(kill, 150);
    const answers: Answer[] = [];
    try {
      for (const end = performance.now() + 4_000; performance.now() < end;) {
        answers.push(
          ...(await Promise.all(Array.from({ length: 4 }, (_, index) => ask(`/crm/v1/licenses?n=${index}`)))),
        );
        await sleep(5);
      }
    } finally {
      clearTimeout(killer);
    }
    const refused = answers.filter(({ status }) => status !== 200).length;
    assert.ok(answers.length > 100 && refused < answers.length * 0.6, `${refused} of ${answers.length} refused`);
    // None of it lasts.
    await sleep(1_100);
    assert.equal((await ask('/crm/v1/licenses')).status, 200);
  });
});

describe('what is held back', () => {
  const clock = new FakeClock();
  const world = freshWorld({ surroundings: { clock }, config: both(withRoute('/twin/notify', { replay: false })) });

  it('says so, and when a renewal may be tried again', async () => {
    const { sandbox, proxy, call: ask } = world();
    await ask('/softline/v1/order/77');
    sandbox.softline.set({ alwaysDead: true });
    // One renewal, one replay: that is the upstream's own last word.
    assert.equal((await ask('/softline/v1/order/77')).headers['x-tokenward-replay'], undefined);
    clock.pass(10_000);
    const held = await ask('/softline/v1/order/78');
    assert.deepEqual(
      [held.status, held.headers['x-tokenward-replay'], held.headers['retry-after'], held.headers['x-tokenward-error']],
      [401, 'held-back', '20', undefined],
    );
    assert.deepEqual(held.json(), { errors: [{ error: 1007, message: 'Invalid JWT Token.' }] });
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_dead_token_replies_total', { reason: 'ineffective' }), 1);

    sandbox.softline.set({ alwaysDead: false });
    sandbox.softline.revokeCurrent();
    clock.pass(20_000);
    const healed = await ask('/softline/v1/order/78');
    assert.deepEqual(
      [healed.status, healed.headers['x-tokenward-replay'], healed.headers['retry-after']],
      [200, undefined, undefined],
    );
  });

  it('on a route that does not replay waits for a moment only', async () => {
    const { sandbox, call: ask } = world();
    await ask('/twin/notify/api/v1/messages');
    sandbox.twin.set({ alwaysDead: true });
    assert.equal((await ask('/twin/notify/api/v1/messages')).headers['x-tokenward-replay'], 'not-replayed; may-resend');
    const held = await ask('/twin/notify/api/v1/messages');
    assert.deepEqual([held.headers['x-tokenward-replay'], held.headers['retry-after']], ['held-back', '2']);
  });

  it("keeps an upstream's own Retry-After", async () => {
    const { sandbox, call: ask } = world();
    await ask('/softline/v1/order/77');
    sandbox.softline.set({
      alwaysDead: true,
      deadTokenAnswer: { status: 401, headers: { 'retry-after': '7' }, body: { errors: [{ error: 1007 }] } },
    });
    await ask('/softline/v1/order/77');
    const held = await ask('/softline/v1/order/77');
    assert.deepEqual([held.headers['x-tokenward-replay'], held.headers['retry-after']], ['held-back', '7']);
  });
});

describe('tokens that an upstream has refused', () => {
  const world = freshWorld();

  it('are counted once each, however many callers learn of it', async () => {
    const { sandbox, proxy, call: ask } = world();
    await ask('/crm/v1/licenses');
    for (let death = 0; death < 3; death += 1) {
      sandbox.chatapp.revokeCurrent();
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/crm/v1/licenses')));
      assert.ok(answers.every(({ status }) => status === 200));
    }
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_tokens_refused_total', { account: 'crm' }), 3);
    assert.ok((await metric(proxy.operatorUrl, 'tokenward_dead_token_replies_total', { account: 'crm' })) >= 3);
  });
});
