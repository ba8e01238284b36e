import assert from 'node:assert/strict';
import type { Test } from 'supertest';
import { metric } from '../support/call.ts';
import { operator, readinessOf } from '../support/operator.ts';
import { freshWorld } from '../support/world.ts';

describe('/healthz', () => {
  const world = freshWorld();

  it('says ok while the process answers, whatever its accounts do', async () => {
    const { proxy, sandbox, call: through } = world();
    sandbox.softline.accounts.length = 0;
    await through('/softline/v1/order/7');
    await operator(proxy).get('/healthz').expect(200, 'ok\n').expect('cache-control', 'no-store');
  });
});

describe('/readyz is about the process', () => {
  const world = freshWorld();
  const ask = (query = ''): Test => operator(world().proxy).get(`/readyz${query}`);
  const breakTwin = async (): Promise<void> => {
    const { sandbox, call: through } = world();
    sandbox.twin.accounts[0] = { ...sandbox.twin.accounts[0]!, password: 'another' };
    assert.equal((await through('/twin/iam/api/v1/users/me')).status, 503);
  };
  const TWIN = { account: 'twin', state: 'dead', problem: 'the token endpoint refused the login (status 401)' };

  it('yes, with nothing to tell, while all accounts are well', async () => {
    await ask().expect(200, { ready: true, problems: [] });
    await world().call('/softline/v1/order/7');
    await ask().expect(200, { ready: true, problems: [] });
  });

  it('yes, though an account is dead: the others are served, and the dead one is told of', async () => {
    await breakTwin();
    await ask().expect(200, { ready: true, problems: [TWIN] });
    assert.equal((await world().call('/softline/v1/order/7')).status, 200);
    const { operatorUrl } = world().proxy;
    assert.equal(await metric(operatorUrl, 'tokenward_credential_dead', { account: 'twin' }), 1);
    assert.equal(await metric(operatorUrl, 'tokenward_account_ready', { account: 'twin' }), 0);
    assert.equal(await metric(operatorUrl, 'tokenward_account_ready', { account: 'softline' }), 1);
  });

  it('yes, though no account at all can serve', async () => {
    const { sandbox, call: through } = world();
    for (const vendor of [sandbox.softline, sandbox.chatapp, sandbox.twin]) vendor.accounts.length = 0;
    for (const target of ['/softline/v1/order/7', '/crm/v1/licenses', '/twin/iam/api/v1/users/me'])
      assert.equal((await through(target)).status, 503);
    const { problems } = await readinessOf(world().proxy);
    assert.deepEqual(
      problems.map(({ account, state }) => [account, state]),
      [
        ['softline', 'dead'],
        ['crm', 'dead'],
        ['twin', 'dead'],
      ],
    );
  });

  it('tells of an account whose token endpoint fails, until that is over', async () => {
    const { sandbox, call: through, proxy } = world();
    sandbox.twin.set({ loginMode: 'status-500' });
    await through('/twin/iam/api/v1/users/me');
    const { problems } = await readinessOf(proxy);
    assert.deepEqual(
      problems.map(({ account, state }) => [account, state]),
      [['twin', 'down']],
    );
    assert.match(problems[0]!.problem, /status_5xx/);
    sandbox.twin.set({ loginMode: 'normal' });
    // An operator does not have to wait for the back-off.
    await operator(proxy).post('/renew/twin').expect(200);
    await ask().expect(200, { ready: true, problems: [] });
  });

  describe('?account=NAME', () => {
    it('says no while that account cannot serve, and yes of the others', async () => {
      await breakTwin();
      await ask('?account=twin').expect(503, { ready: false, problems: [TWIN] });
      await ask('?account=softline').expect(200, { ready: true, problems: [TWIN] });
      await ask('?account=softline&account=twin').expect(503);
      await ask('?account=softline&account=crm').expect(200);
    });

    it('says yes of an account that nobody has used yet, and of one whose token lives while its renewal fails', async () => {
      const { sandbox, call: through, proxy } = world();
      await ask('?account=crm').expect(200);
      await through('/twin/iam/api/v1/users/me');
      sandbox.twin.set({ refreshMode: 'status-500', loginMode: 'status-500' });
      await operator(proxy).post('/renew/twin');
      await ask('?account=twin').expect(200);
      assert.equal((await through('/twin/iam/api/v1/users/me')).status, 200);
    });

    it('does not know a name that is none, and says which was meant', async () => {
      await ask('?account=twim').expect(404, {
        code: 'account_unknown',
        title: 'There is no account of this name.',
        detail: 'Did you mean "twin"?',
      });
      await ask('?account=').expect(404);
      await ask('?account=crm&account=nobody').expect(404, {
        code: 'account_unknown',
        title: 'There is no account of this name.',
        detail: 'The accounts are softline, crm, twin.',
      });
    });
  });

  describe('?min-ready=N', () => {
    it('says no while fewer than N accounts can serve', async () => {
      await breakTwin();
      await ask('?min-ready=2').expect(200, { ready: true, problems: [TWIN] });
      await ask('?min-ready=3').expect(503, {
        ready: false,
        problems: [TWIN, { problem: '2 of 3 accounts can serve, 3 are required' }],
      });
      await ask('?min-ready=0').expect(200);
    });
  });

  it('refuses a question that it does not understand, rather than answer another one', async () => {
    for (const query of [
      '?acount=twin',
      '?min-ready=',
      '?min-ready=many',
      '?min-ready=-1',
      '?min-ready=1&min-ready=2',
      '?store=maybe',
      '?verbose',
    ]) {
      const { body } = (await ask(query).expect(400)) as { body: { code: string } };
      assert.equal(body.code, 'query_malformed', query);
    }
  });
});
