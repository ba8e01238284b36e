import assert from 'node:assert/strict';
import fc from 'fast-check';
import { byLongestPrefix, matchRoute, type Route } from '../../../src/proxy/route.ts';
import { RouteTable } from '../../../src/proxy/route-table.ts';

const segment = fc.constantFrom('a', 'b', 'A', 'ab', 'a.b', 'crm', 'v2', '');
const path = fc.array(segment, { maxLength: 4 }).map((segments) => segments.map((one) => `/${one}`).join(''));
const target = fc
  .tuple(path, fc.constantFrom('', '?', '?a=/crm', '/', '//', ';p', '%2f'))
  .map(([before, after]) => (before === '' ? `/${after}` : before + after));

function routeAt(prefix: string): Route {
  return { prefix, config: {} } as unknown as Route;
}

describe('many routes', () => {
  it('are found as few are, by the longest prefix of whole segments', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(path, { minLength: 17, maxLength: 60 }),
        fc.array(target, { minLength: 20, maxLength: 60 }),
        (prefixes, targets) => {
          const routes = prefixes.map(routeAt);
          const table = new RouteTable(routes);
          const sorted = routes.toSorted(byLongestPrefix);
          for (const one of targets)
            assert.equal(table.match(one, 'proxy')?.prefix, matchRoute(sorted, one)?.prefix, one);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('are found by their first segment: how many there are does not matter', () => {
    let compared = 0;
    const routes = Array.from({ length: 5_000 }, (_, i): Route => {
      const prefix = `/api-${i}`;
      const config = {};
      return Object.defineProperty({ config } as unknown as Route, 'prefix', { get: () => ((compared += 1), prefix) });
    });
    const table = new RouteTable(routes);
    compared = 0;
    assert.equal(table.match('/api-4321/v1?x=1', 'proxy'), routes[4321]);
    assert.ok(compared < 10, `${compared} prefixes were looked at`);
    assert.equal(table.match('/api-5000/v1', 'proxy'), undefined);
  });
});
