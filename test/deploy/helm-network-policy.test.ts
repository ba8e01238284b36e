import assert from 'node:assert/strict';
import { pick, render, type Manifest } from './chart.ts';

interface Rule {
  readonly from?: readonly object[];
  readonly to?: readonly object[];
  readonly ports?: readonly { readonly port: number; readonly protocol: string }[];
}
interface Policy {
  readonly podSelector: object;
  readonly policyTypes: readonly string[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

const policy = (manifest: Manifest): Policy => manifest.spec as unknown as Policy;
const ports = (rule: Rule | undefined): string[] =>
  (rule?.ports ?? []).map(({ port, protocol }) => `${port}/${protocol}`);

/** A rule without peers admits everybody: the one slip that opens a policy without a word. */
function assertPeersEverywhere({ ingress, egress }: Policy): void {
  for (const rule of [...(ingress ?? []), ...(egress ?? [])])
    assert.ok((rule.from ?? rule.to ?? []).length > 0, JSON.stringify(rule));
}

describe('the network policy', () => {
  it('lets callers reach the proxy, monitoring the operator port, and tokenward DNS and 443', async function () {
    const own = policy(pick((await render(this)).manifests, 'NetworkPolicy', 'tokenward'));
    assert.deepEqual(own.policyTypes, ['Ingress', 'Egress']);
    assert.deepEqual(own.podSelector, {
      matchLabels: { 'app.kubernetes.io/name': 'tokenward', 'app.kubernetes.io/instance': 'tokenward' },
    });
    assertPeersEverywhere(own);
    assert.deepEqual(own.ingress?.map(ports), [['8080/TCP'], ['9090/TCP']]);
    assert.deepEqual(own.egress?.map(ports), [['53/UDP', '53/TCP'], ['443/TCP']]);
  });

  it("keeps tokenward from private addresses and the cloud's metadata", async function () {
    const own = policy(pick((await render(this)).manifests, 'NetworkPolicy', 'tokenward'));
    const [v4] = own.egress![1]!.to as { ipBlock: { except: string[] } }[];
    for (const range of ['10.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'])
      assert.ok(v4?.ipBlock.except.includes(range), range);
  });

  it('admits nobody when nobody is named', async function () {
    const own = policy(
      pick(
        (await render(this, undefined, 'networkPolicy.callers=[]', 'networkPolicy.monitoring=[]')).manifests,
        'NetworkPolicy',
        'tokenward',
      ),
    );
    assert.deepEqual(own.ingress, []);
    assert.ok(own.policyTypes.includes('Ingress'));
  });

  it('follows the ports of the configuration', async function () {
    const own = policy(
      pick(
        (await render(this, undefined, 'config.listen.port=18080', 'config.operator.port=19090')).manifests,
        'NetworkPolicy',
        'tokenward',
      ),
    );
    assert.deepEqual(own.ingress?.map(ports), [['18080/TCP'], ['19090/TCP']]);
  });

  it('leaves the legacy apps no way out but tokenward, DNS and what is listed', async function () {
    const { manifests } = await render(this, 'test/deploy/values/full.yaml');
    const locked = manifests.filter(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name.endsWith('-only-way-out'),
    );
    assert.deepEqual(
      locked.map(({ metadata }) => metadata.namespace),
      ['shop', 'billing'],
    );
    for (const manifest of locked) {
      const { podSelector, policyTypes, egress, ingress } = policy(manifest);
      assert.deepEqual(podSelector, { matchLabels: { app: 'legacy' } });
      assert.deepEqual(policyTypes, ['Egress']);
      assert.equal(ingress, undefined);
      assertPeersEverywhere(policy(manifest));
      assert.deepEqual(egress?.map(ports), [['53/UDP', '53/TCP'], ['8080/TCP'], ['5432/TCP']]);
      assert.deepEqual(egress?.[1]?.to, [
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'egress' } },
          podSelector: {
            matchLabels: { 'app.kubernetes.io/name': 'tokenward', 'app.kubernetes.io/instance': 'tokenward' },
          },
        },
      ]);
    }
  });
});
