import assert from 'node:assert/strict';
import { Recipes } from '../../src/config/recipes.ts';
import { load } from '../support/config.ts';
import { requireTool } from '../support/tools.ts';
import { headOf } from './head.ts';
import { play, SCENARIOS, type Scenario } from './scenarios.ts';
import { allRecipes, makeProps, type Props } from './stage.ts';
import type { Vendor } from './vendor.ts';

const scenario = (name: string): Scenario => SCENARIOS.find((one) => one.name === name)!;

/** Here a part only; npm run verify:flows plays everything. */
describe('a recipe', () => {
  let props: Props;
  const vendorOf = (recipe: string): Vendor => props.vendors.find((vendor) => vendor.recipe === recipe)!;

  before(function () {
    props = makeProps(requireTool(this, 'openssl'));
  });
  after(() => props?.remove());

  it('has a table of what its API is like, and each table a recipe', () => {
    assert.deepEqual(
      props.vendors.map(({ recipe }) => recipe),
      allRecipes(),
    );
  });

  for (const recipe of allRecipes())
    it(`logs in once, and heals with one token call: ${recipe}`, async () => {
      const vendor = vendorOf(recipe);
      const healing = scenario(vendor.steps === undefined ? 'first call' : 'killed token');
      assert.equal(await play(healing, vendor, props), undefined);
    });

  for (const recipe of allRecipes())
    it(`needs no more than the credentials that it calls required: ${recipe}`, () => {
      const needs = Object.entries(new Recipes().get(recipe)!.credentials);
      const required = needs.flatMap(([name, need]) => (need === 'required' ? [name] : []));
      const { credentials } = vendorOf(recipe);
      const account = {
        flow: recipe,
        credentials: Object.fromEntries(required.map((name) => [name, credentials[name]])),
      };
      const accounts = { one: { ...account, baseUrl: 'https://a.example' } };
      load(JSON.stringify({ accounts, routes: [{ prefix: '/a', upstream: headOf(recipe).upstream, account: 'one' }] }));
    });

  it('signs with permanent keys of AWS, which have no session token', async () => {
    const { sessionToken: _, ...credentials } = vendorOf('aws').credentials;
    assert.equal(await play(scenario('first call'), { ...vendorOf('aws'), credentials }, props), undefined);
  });

  for (const name of ['throttled token endpoint', 'block page', 'refused credentials', 'secrets'])
    it(`passes: ${name}`, async () => {
      assert.equal(await play(scenario(name), vendorOf('zoho'), props), undefined);
      assert.equal(await play(scenario(name), vendorOf('magento'), props), undefined);
    });

  const broken: readonly (readonly [what: string, recipe: string, scenario: string, changes: object])[] = [
    ['carries less', 'glpi', 'first call', { attach: { header: 'Session-Token', value: '{token}' } }],
    ['carries the token elsewhere', 'zoho', 'first call', { attach: { header: 'Authorization' } }],
    ['does not know the rejection', 'odoo', 'killed token', { invalid: [{ status: 401 }] }],
    ['goes to another host', 'docuware', 'first call', { hosts: ['*.docuware.example'] }],
    ['takes a throttle for a refusal', 'salesforce-jwt', 'throttled token endpoint', { busy: [] }],
    ['takes a block page for a refusal', 'zoom', 'block page', { refused: [{ status: 403, format: 'any' }] }],
    ['does not know the refusal', 'twitch', 'refused credentials', { refused: [] }],
    [
      'signs something else',
      'binance',
      'first call',
      {
        attach: [
          { header: 'X-MBX-APIKEY', value: '{apiKey}' },
          {
            sign: 'hmac',
            key: '{secretKey}',
            of: '{query}',
            query: { timestamp: '{timestampMs}', signature: '{signature}' },
          },
        ],
      },
    ],
    [
      'asks for another region',
      'aws',
      'first call',
      {
        attach: {
          sign: 'aws4',
          region: 'us-east-1',
          service: '{service}',
          key: '{accessKeyId}',
          secret: '{secretAccessKey}',
          sessionToken: '{sessionToken?}',
        },
      },
    ],
  ];
  for (const [what, recipe, name, changes] of broken)
    it(`would be found out if it ${what}: ${recipe}`, async () => {
      assert.notEqual(await play(scenario(name), vendorOf(recipe), props, changes), undefined);
    });
});
