import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { rejectedTokenRule, rejectsToken } from '../../../src/proxy/inspect.ts';
import { responseHeaders } from '../../../src/proxy/headers.ts';
import type { Route } from '../../../src/proxy/route.ts';
import { UpstreamResponse } from '../../../src/http/client/response.ts';
import { ResponseParser } from '../../../src/http/client/response-parser.ts';

const MIB = 1024 * 1024;

describe('what is remembered of replies', () => {
  it('is a few names and types, never the heads of 60 KiB they came in', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heap = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const rule = rejectedTokenRule([{ body: { '/error/code': 'ApiInvalidTokenError' } }])!;
    const route = {
      config: { setCookie: 'drop' },
      origin: 'http://api.example',
      basePath: '',
      prefix: '/api',
    } as unknown as Route;
    const filler = 'x'.repeat(60 * 1024);
    const before = heap();
    for (let number = 0; number < 2_000; number += 1) {
      const reply = new UpstreamResponse(
        () => undefined,
        () => undefined,
      );
      const reader = new ResponseParser(reply);
      reader.expect('GET');
      reader.feed(
        Buffer.from(
          `HTTP/1.1 200 OK\r\nContent-Type: application/json; variant=number-${number}\r\nX-A-Name-Of-Some-Length-${number}: a\r\nX-Filler: ${filler}\r\nContent-Length: 2\r\n\r\n{}`,
          'latin1',
        ),
      );
      assert.equal(rejectsToken(rule, 'GET', reply), false);
      assert.ok(responseHeaders(reply.headers, route, undefined, 'http://proxy').length >= 6);
    }
    const grown = heap() - before;
    assert.ok(grown < 8 * MIB, `${(grown / MIB).toFixed(0)} MiB`);
  });
});
