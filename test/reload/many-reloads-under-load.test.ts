import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { eventually } from '../support/eventually.ts';
import { residentMemory } from '../support/resident-memory.ts';
import { startLoad } from '../workers/load.ts';
import { freshProgram } from './reloadable-program.ts';

const READS = ['/softline/v1/order/77', '/crm/v1/licenses', '/twin/iam/api/v1/users/me'];
/** `npm run verify:reload` makes 1,000: minutes on a small machine. */
const RELOADS = Number(process.env['RELOADS'] ?? 200);
const WARM = Math.min(300, RELOADS / 2);
/** What the heap of a process under load goes up and down by itself. Bytes. */
const NOISE = 40 * 1024 ** 2;

describe(`${RELOADS} reloads under load`, function () {
  this.timeout(300_000);
  const program = freshProgram();

  for (const engine of ['fast', 'express'] as const) {
    it(`with the engine ${engine}: no request fails, nobody logs in, and neither memory nor descriptors grow`, async function () {
      const listen = { host: '127.0.0.1', port: 0, engine };
      const { sandbox, served, configure, reload } = await program(this, { listen });
      const { pid } = served.child;
      const descriptors = (): number => readdirSync(`/proc/${pid!}/fd`).length;
      if (residentMemory(pid!) === undefined) this.skip();
      const load = startLoad(served.url, READS, { keeping: 6, making: 2, pause: 20 });
      await eventually(
        'every account has its token',
        () => sandbox.ledger.count({ where: (e) => e.kind !== 'api' }) === 3,
      );
      await eventually('requests are served', () => sandbox.ledger.count({ where: (e) => e.kind === 'api' }) > 50);
      sandbox.ledger.clear();
      let memory = 0;
      let open = 0;
      for (let round = 1; round <= RELOADS; round += 1) {
        // Another limit each time, another upstream connection every other time, and a route that comes and goes.
        const routes = [
          {
            prefix: '/softline',
            upstream: sandbox.urls.softline,
            account: 'softline',
            maxConnections: 32 + (round % 2),
          },
          { prefix: '/crm', upstream: sandbox.urls.chatapp, account: 'crm' },
          { prefix: '/twin/iam', upstream: sandbox.urls.twin.iam, account: 'twin' },
          ...(round % 2 === 0 ? [{ prefix: `/shop-${round % 8}`, upstream: sandbox.urls.softline }] : []),
        ];
        configure({ routes, limits: { inFlight: 1_000 + round } });
        const { status, text } = await reload();
        assert.equal(status, 200, text);
        if (round === WARM) [memory, open] = [residentMemory(pid!)!, descriptors()];
      }
      const [grown, more] = [residentMemory(pid!)! - memory, descriptors() - open];
      const results = await load.stop();
      assert.deepEqual([...results.keys()], ['200'], JSON.stringify([...results]));
      assert.ok(results.get('200')! > 300, `only ${results.get('200')!} requests`);
      assert.equal(sandbox.ledger.count({ where: ({ kind }) => kind !== 'api' }), 0);
      assert.ok(more <= 10, `${more} more descriptors than after ${WARM} reloads`);
      assert.ok(grown < NOISE, `${Math.round(grown / 1024 ** 2)} MiB more than after ${WARM} reloads`);
      assert.equal(await served.end(), 0);
    });
  }
});
