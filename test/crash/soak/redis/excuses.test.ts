import assert from 'node:assert/strict';
import { Excuses } from './excuses.ts';

describe('an excuse of a soak', () => {
  const excuses = (): Excuses => {
    const list = new Excuses();
    list.add({ why: 'killed', from: 100, until: 200, replica: 'victim' });
    list.add({ why: 'evicted', from: 300, until: 400, account: 'demand' });
    return list;
  };

  it('covers requests of its replica or its account that were open while it held', () => {
    assert.equal(excuses().of('demand', 'victim', 150, 250)?.why, 'killed');
    assert.equal(excuses().of('demand', 'survivor', 350, 360)?.why, 'evicted');
    assert.equal(excuses().of('demand', 'victim', 50, 500)?.why, 'killed');
  });

  it('covers no other replica, no other account, and nothing before or after', () => {
    assert.equal(excuses().of('demand', 'survivor', 150, 160), undefined);
    assert.equal(excuses().of('early', 'victim', 350, 360), undefined);
    assert.equal(excuses().of('demand', 'victim', 201, 299), undefined);
    assert.equal(excuses().of('demand', 'victim', 10, 99), undefined);
  });

  it('is forgotten when it has ended before the time that is asked for', () => {
    const list = excuses();
    list.forget(250);
    assert.equal(list.of('demand', 'victim', 150, 160), undefined);
    assert.equal(list.of('demand', 'victim', 350, 360)?.why, 'evicted');
  });
});
