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

  it('and refuses a password written into the values', async function () {
    const literal =
      'config.accounts={"crm":{"flow":"chatapp","credentials":{"email":"a@example.com","password":"hunter2","appId":"app_1_1"}}}';
    const said = await refusal(this, literal);
    assert.match(said, /accounts\.crm\.credentials\.password is written out/);
    assert.ok(!said.includes('hunter2'), 'without repeating it');
  });
});
