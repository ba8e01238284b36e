import assert from 'node:assert/strict';
import { refusal } from './chart.ts';

const REDIS = 'config.store={"type":"redis","url":"redis://redis:6379"}';
const CALLERS = `config.callers=[{"name":"a","key":"sha256:${'1'.repeat(64)}"}]`;

/** Values that cannot work, and a word of the advice helm must give. */
const REFUSED: readonly (readonly [title: string, settings: readonly string[], advice: RegExp])[] = [
  ['replicas over the embedded store', ['replicas=2'], /config\.store\.type to redis/],
  ['an embedded store outside the volume', ['config.store.path="./data"'], /only \/data is writable/],
  ['a rolling update over the embedded store', ['strategy={"type":"RollingUpdate"}'], /Use Recreate/],
  [
    'an autoscaler over the embedded store',
    ['autoscaling={"enabled":true}'],
    /autoscaling is enabled, but the embedded store belongs to one pod/,
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
  [
    'redis without time to leave the Service',
    [REDIS, 'networkPolicy.enabled=false', 'config.shutdown.delay="0s"'],
    /config\.shutdown\.delay is 0/,
  ],
  [
    'an autoscaler with nothing to go by',
    [REDIS, 'networkPolicy.enabled=false', 'autoscaling={"enabled":true,"targetCPUUtilizationPercentage":null}'],
    /names nothing to scale by/,
  ],
  [
    'an autoscaler whose limits are crossed',
    [REDIS, 'networkPolicy.enabled=false', 'autoscaling={"enabled":true,"minReplicas":5,"maxReplicas":3}'],
    /less than minReplicas/,
  ],
  [
    'a budget that blocks every drain',
    ['podDisruptionBudget={"enabled":true,"minAvailable":1}'],
    /no pod could ever be evicted/,
  ],
  ['a budget of nothing', ['podDisruptionBudget={"enabled":true,"maxUnavailable":0}'], /no pod could ever be evicted/],
  [
    'a budget of two kinds',
    ['podDisruptionBudget={"enabled":true,"maxUnavailable":1,"minAvailable":"50%"}'],
    /takes one of them/,
  ],
  ['a budget in words', ['podDisruptionBudget={"enabled":true,"maxUnavailable":"half"}'], /maxUnavailable/],
  ['a load balancer for everybody', [CALLERS, 'service.type="LoadBalancer"'], /the whole Internet/],
  [
    'a load balancer without keys',
    ['service={"type":"LoadBalancer","loadBalancerSourceRanges":["192.0.2.0/24"]}'],
    /config\.callers is none/,
  ],
  ['a node port of a ClusterIP', ['service.nodePort=30080'], /means nothing for type ClusterIP/],
  ['a headless NodePort', [CALLERS, 'service={"type":"NodePort","clusterIP":"None"}'], /clusterIP None/],
  [
    'every series twice',
    ['serviceMonitor.enabled=true', 'podMonitor.enabled=true'],
    /every series would be scraped twice/,
  ],
  [
    'two Secrets at one place',
    ['secretFiles=[{"existingSecret":"a"},{"existingSecret":"b"}]'],
    /taken by the Secret a/,
  ],
  [
    'a Secret in place of the configuration',
    ['secretFiles=[{"existingSecret":"a","mountPath":"/etc/tokenward/config"}]'],
    /taken by the configuration/,
  ],
  [
    'accounts from two places',
    ['accountFiles={"existingSecret":"a","existingClaim":"b"}'],
    /more than one of existingSecret/,
  ],
  ['a certificate that nothing uses', ['tls.certManager.enabled=true'], /nothing would use the certificate/],
  ['a certificate of nobody', ['tls={"enabled":true,"certManager":{"enabled":true}}'], /issuerRef\.name is empty/],
  [
    'names by a plugin whose policy is off',
    ['networkPolicy={"enabled":false,"fqdn":{"provider":"cilium"}}'],
    /enabled/,
  ],
  [
    'names that only the pod knows',
    [
      'networkPolicy.fqdn.provider="cilium"',
      'config.routes=[{"prefix":"/a","upstream":"${UPSTREAM}","account":"example"},{"prefix":"/b","upstream":"https://b.example","account":"example"}]',
    ],
    /routes\.0\.upstream is known only in the pod/,
  ],
  [
    'rollingUpdate beside Recreate',
    ['strategy={"type":"Recreate","rollingUpdate":{"maxSurge":0}}'],
    /RollingUpdate only/,
  ],
  ['an unknown strategy', ['strategy.type="Rolling"'], /strategy/],
  ['a name that no object can have', ['fullnameOverride="My_Proxy"'], /fullnameOverride/],
  ['a name that no Service can have', ['nameOverride="1234"', 'fullnameOverride="9lives"'], /fullnameOverride/],
  ['a namespace twice', ['networkPolicy.denyDirectEgress.namespaces=["shop","shop"]'], /namespaces/],
  ['a misspelt key of resources', ['resources={"limit":{"memory":"1Gi"}}'], /limit/],
  ['a misspelt key of a toleration', ['tolerations=[{"key":"a","operatr":"Exists"}]'], /operatr/],
  ['a misspelt key of a security context', ['securityContext.readOnlyRootFS=true'], /readOnlyRootFS/],
  ['an affinity of its own kind', ['affinity={"nodesAffinity":{}}'], /nodesAffinity/],
  ['a peer that is none', ['networkPolicy.callers=[{"podSelectr":{}}]'], /podSelectr/],
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
