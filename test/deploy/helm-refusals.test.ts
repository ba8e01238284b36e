import assert from 'node:assert/strict';
import { refusal } from './chart.ts';

/** Values that cannot work, and a word of the advice helm must give. */
const REFUSED: readonly (readonly [title: string, settings: readonly string[], advice: RegExp])[] = [
  ['replicas over the embedded store', ['replicas=2'], /config\.store\.type to redis/],
  ['an embedded store outside the volume', ['config.store.path="./data"'], /only \/data is writable/],
  [
    'a rolling update over a shared embedded store',
    ['strategy={"type":"RollingUpdate"}', 'persistence.accessMode="ReadWriteMany"'],
    /Use Recreate/,
  ],
  ['redis without a way to it', ['config.store={"type":"redis","url":"${REDIS_URL}"}'], /networkPolicy\.egress\.extra/],
  ['a proxy on loopback', ['config.listen.host="127.0.0.1"'], /config\.listen\.host/],
  ['an operator port on loopback', ['config.operator.host="localhost"'], /config\.operator\.host/],
  ['one port for both', ['config.operator.port=8080'], /the same/],
  ['anonymous callers without saying so', ['config.allowAnonymous=false'], /List the callers/],
  [
    'a selector that cuts off the whole namespace',
    ['networkPolicy.denyDirectEgress.enabled=true'],
    /podSelector is empty/,
  ],
  ['no time to shut down', ['terminationGracePeriodSeconds=5'], /terminationGracePeriodSeconds/],
  ['a misspelt setting', ['replicaCount=1'], /replicaCount/],
];

describe('the chart refuses', () => {
  for (const [title, settings, advice] of REFUSED) {
    it(title, async function () {
      assert.match(await refusal(this, ...settings), advice);
    });
  }
});
