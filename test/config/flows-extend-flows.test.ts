import assert from 'node:assert/strict';
import { PRESETS } from '../../src/flows/presets.ts';
import { load, mistakesOf, said, smallest } from '../support/config.ts';

const KNOWN = 'known: softline, chatapp, twin, oauth2, oauth2-refresh, static';
const RECIPES = ', and the recipes of docs/recipes';
const flows = (text: string): string => `flows: ${text}\n${smallest({})}`;

describe('a flow that extends another', () => {
  it('takes any, in any order and over several steps; each key is replaced as a whole', () => {
    const known = load(
      flows(
        '{ eu: { extends: zoho, lifetime: 60 }, zoho: { extends: base, attach: { header: X } }, base: { extends: twin, lifetime: 30, renew: on-demand }, eu2: { extends: eu } }',
      ),
    ).knownFlows;
    const twin = PRESETS['twin']!;
    for (const name of ['eu', 'eu2']) {
      const flow = known.get(name)!;
      assert.deepEqual(
        [flow.lifetime, flow.renew, flow.attach],
        [60, 'on-demand', [{ header: 'X', value: 'Bearer {token}' }]],
      );
      assert.deepEqual([flow.login, flow.refresh], [twin.login, twin.refresh]);
    }
    assert.deepEqual([known.get('base')!.lifetime, twin.lifetime], [30, 3_600]);
  });

  it("may take a preset's name and begin with it; others then begin with that one", () => {
    const known = load(flows('{ twin: { extends: twin, lifetime: 5 }, mine: { extends: twin } }')).knownFlows;
    assert.deepEqual([known.get('twin')!.lifetime, known.get('mine')!.lifetime], [5, 5]);
  });

  it('says so if there is none of that name, and which may be meant', () => {
    assert.deepEqual(said(flows('{ own: { extends: twn } }')), [
      `flows.own.extends: no flow has this name; did you mean "twin"?; ${KNOWN}${RECIPES}`,
    ]);
    assert.deepEqual(said(flows('{ mine: { extends: twin }, own: { extends: mien } }')), [
      `flows.own.extends: no flow has this name; did you mean "mine"?; ${KNOWN}, mine${RECIPES}`,
    ]);
    for (const base of ['constructor', '__proto__', '""', '7', '[]'])
      assert.deepEqual(
        said(flows(`{ own: { extends: ${base} } }`)),
        [`flows.own.extends: no flow has this name; ${KNOWN}${RECIPES}`],
        base,
      );
  });

  it('cannot go in a circle', () => {
    assert.deepEqual(said(flows('{ own: { extends: own } }')), ['flows.own.extends: a flow cannot extend itself']);
    assert.deepEqual(said(flows('{ a: { extends: b }, b: { extends: a } }')), [
      'flows.b.extends: goes in a circle: a extends b extends a',
    ]);
    assert.deepEqual(said(flows('{ x: { extends: a }, a: { extends: b }, b: { extends: c }, c: { extends: a } }')), [
      'flows.c.extends: goes in a circle: a extends b extends c extends a',
    ]);
  });

  it('does not repeat the complaints about what it extends, and has its own', () => {
    assert.deepEqual(
      said(
        flows(
          '{ base: { extends: twin, renew: hourly }, mine: { extends: base, lifetime: long }, third: { extends: mine } }',
        ),
      ),
      [
        'flows.base.renew: must be one of early, on-demand',
        'flows.mine.lifetime: must be seconds, a duration such as "30s", "5m", "1h", or the {name} of a value',
      ],
    );
    assert.deepEqual(said(flows('{ base: { extends: twin, lifetimeFrom: tll }, mine: { extends: base } }')), [
      'flows.base.lifetimeFrom: the flow has no credential of this name; did you mean "ttl"?',
    ]);
  });

  it('has its mistakes where they stand', () => {
    const text = `flows:\n  base:\n    extends: twin\n  mine:\n    extends: base\n    credentials: { email: required }\n${smallest({})}`;
    const mistakes = mistakesOf(text);
    assert.ok(
      mistakes.some(
        ({ path, message }) =>
          path === 'flows.mine.login.json.password' && message === 'this flow has no credential {password}',
      ),
    );
    assert.ok(
      mistakes.every(({ line }) => line === 4),
      JSON.stringify(mistakes),
    );
  });
});
