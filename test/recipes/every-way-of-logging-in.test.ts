import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { requireTool } from '../support/tools.ts';
import { play, SCENARIOS } from './scenarios.ts';
import { allRecipes, makeProps, type Props } from './stage.ts';
import { OWN_FLOWS } from './vendors/own-flows.ts';

const PAGE = readFileSync('docs/logins.md', 'utf8');

/** Those that recipes have are played in recipes.test.ts. */
describe('a way of logging in', () => {
  let props: Props;
  before(function () {
    props = makeProps(requireTool(this, 'openssl'));
  });
  after(() => props?.remove());

  it('is in docs/logins.md as often as it is played, by a recipe or by a flow of its own', () => {
    const rows = [...PAGE.matchAll(/^\| [^|]+ \| [^|]+: (?:\[)?([\w-]+)(\]\([^)]+\))? \| [^|]+ \|$/gm)];
    assert.equal(rows.length, PAGE.split('\n').filter((line) => line.startsWith('| ')).length - 1);
    const linked = rows.filter(([, , link]) => link !== undefined).map(([, name]) => name!);
    const others = rows.filter(([, , link]) => link === undefined).map(([, name]) => name!);
    assert.deepEqual(others.sort(), OWN_FLOWS.map(({ recipe }) => recipe).sort());
    const recipes = allRecipes();
    assert.deepEqual(
      linked.filter((name) => !recipes.includes(name)),
      [],
    );
    assert.equal(new Set(rows.map(([, name]) => name)).size, 49);
  });

  /** What an answer brings has to be used. */
  const more: Readonly<Record<string, string>> = { 'token-in-an-xml-attribute': '{site}' };
  for (const vendor of OWN_FLOWS)
    it(`would be found out if it carried something else: ${vendor.recipe}`, async () => {
      const value = vendor.recipe === 'http-digest' ? '{password}' : '{token}';
      const changes = { attach: { header: 'X-Other', value: `${value}${more[vendor.recipe] ?? ''}` } };
      assert.notEqual(await play(SCENARIOS[0]!, vendor, props, changes), undefined);
    });

  for (const vendor of OWN_FLOWS)
    for (const scenario of SCENARIOS.filter((one) => one.fits(vendor)))
      it(`passes: ${vendor.recipe}, ${scenario.name}`, async () =>
        assert.equal(await play(scenario, vendor, props), undefined));
});
