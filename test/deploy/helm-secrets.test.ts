import assert from 'node:assert/strict';
import { nameOf, podTemplate, refusal, render, renderedConfig, VALUE_FILES } from './chart.ts';

describe('the chart renders no secret', () => {
  for (const values of VALUE_FILES) {
    it(`with ${nameOf(values)}`, async function () {
      const { manifests } = await render(this, values);
      assert.deepEqual(
        manifests.filter(({ kind }) => kind === 'Secret'),
        [],
        'Secrets are referred to, never made',
      );

      for (const line of renderedConfig(manifests).split('\n')) {
        const [, key, value] = line.match(/^\s*(?:- )?([A-Za-z]*(?:password|secret|token)): (.+)$/i) ?? [];
        if (key !== undefined) assert.match(value!, /^\$\{.+\}$/, `${key} is a reference`);
      }
      for (const { name, value } of podTemplate(manifests).spec.containers.flatMap(({ env }) => env ?? [])) {
        if (/password|secret|token|key/i.test(name)) assert.equal(value, undefined, `${name} comes from a Secret`);
      }
    });
  }

  /** A password at each place where somebody might write it, and how the chart calls the place. */
  const WRITTEN_OUT: readonly (readonly [place: RegExp, ...settings: string[]])[] = [
    [
      /accounts\.crm\.credentials\.password is written out/,
      'config.accounts={"crm":{"flow":"chatapp","credentials":{"email":"a@example.com","password":"hunter2"}}}',
    ],
    [/config\.store\.url/, 'config.store={"type":"redis","url":"redis://:hunter2@redis:6379"}'],
    [/config\.store\.key/, 'config.store.key="hunter2"'],
    [/config\.store\.password/, 'config.store={"type":"redis","password":"hunter2"}'],
    [/config\.store\.sentinel\.password/, 'config.store={"type":"redis","sentinel":{"password":"hunter2"}}'],
    [/config\.store\.retiredKeys\.0/, 'config.store.retiredKeys=["hunter2"]'],
    [/config\.egressProxy/, 'config.egressProxy="http://user:hunter2@proxy:3128"'],
    [/config\.callers\.0\.key/, 'config.callers=[{"name":"a","key":"hunter2"}]'],
    [/config\.operator\.key/, 'config.operator.key="hunter2"'],
    [/env CHATAPP_PASSWORD/, 'env=[{"name":"CHATAPP_PASSWORD","value":"hunter2"}]'],
    [/env HTTPS_PROXY/, 'env=[{"name":"HTTPS_PROXY","value":"http://user:hunter2@proxy:3128"}]'],
  ];
  for (const [place, ...settings] of WRITTEN_OUT)
    it(`and refuses a password written into the values: ${place.source.replaceAll('\\', '')}`, async function () {
      const said = await refusal(this, 'networkPolicy.enabled=false', ...settings);
      assert.match(said, place);
      assert.ok(!said.includes('hunter2'), 'without repeating it');
    });

  it('but takes references in these places', async function () {
    await render(
      this,
      undefined,
      'networkPolicy.enabled=false',
      'config.store={"type":"redis","url":"redis://user:${REDIS_PASSWORD}@redis:6379","key":"${file:/etc/tokenward/secrets/key}"}',
      'config.egressProxy="http://user:${PROXY_PASSWORD}@proxy:3128"',
      'env=[{"name":"HTTP_PROXY","value":"http://user:$(PROXY_PASSWORD)@proxy:3128"}]',
    );
  });
});
