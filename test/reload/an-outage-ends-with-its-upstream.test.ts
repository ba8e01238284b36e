import assert from 'node:assert/strict';
import type { StatusDocument } from '../../src/operator/status-document.ts';
import { operator } from '../support/operator.ts';
import { ownCode, freshWorld, withRoute } from '../support/world.ts';
import { reload } from './reload.ts';

describe('a reload that corrects the address of an upstream', () => {
  // Port 9 of loopback: nothing listens there.
  const wrong = withRoute('/crm', { upstream: 'http://127.0.0.1:9' });
  const world = freshWorld({ config: wrong });
  const status = async (): Promise<StatusDocument> =>
    (await operator(world().proxy).get('/status').expect(200)).body as StatusDocument;
  const outages = async (): Promise<string[]> =>
    (await status()).incidents.map(({ id }) => id).filter((id) => id.startsWith('outage'));

  it('ends its outage, before anybody has called again', async () => {
    assert.equal(ownCode(await world().call('/crm/v1/licenses')), 'upstream_unreachable');
    assert.deepEqual(await outages(), ['outage /crm']);
    await reload(world(), (base) => ({ ...wrong(base), limits: { inFlight: 77 } }));
    assert.deepEqual(await outages(), ['outage /crm'], 'another change ends no outage');
    await reload(world());
    assert.deepEqual(await outages(), []);
    assert.doesNotMatch((await status()).verdict, /cannot be reached/);
    assert.equal((await world().call('/crm/v1/licenses')).status, 200);
  });
});
