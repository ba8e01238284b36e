import assert from 'node:assert/strict';
import {
  doors,
  framing,
  headers,
  inspection,
  mustPass,
  oneConnection,
  replies,
  target,
  tokenEndpoint,
  tunnels,
} from './corpus/all.ts';
import { joined } from './pieces.ts';
import { RequestStream } from './strict-reader.ts';

const all = [
  ...framing,
  ...target,
  ...headers,
  ...mustPass,
  ...replies,
  ...inspection,
  ...tokenEndpoint,
  ...doors,
  ...oneConnection,
  ...tunnels,
];

describe('the hostile corpus', () => {
  it('has at least 180 items, each with an id of its own', () => {
    assert.ok(all.length >= 180, String(all.length));
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  });

  it('says of every item what it is, and no two of a class are the same bytes', () => {
    for (const { id, about } of all) assert.ok(about.length > 1, id);
    for (const items of [framing, headers, target, doors, oneConnection]) {
      const bytes = items.map(
        ({ id, send, cut }) => `${joined(send).toString('latin1').replaceAll(id, '')}${cut === true ? ' cut' : ''}`,
      );
      assert.deepEqual(
        bytes.filter((text, i) => bytes.indexOf(text) !== i),
        [],
      );
    }
  });
});

describe('the strict reader of requests', () => {
  const read = (text: string): { count: number; fault: string | undefined } => {
    const stream = new RequestStream();
    const count = stream.feed(Buffer.from(text, 'latin1')).length;
    return { count, fault: stream.fault };
  };

  it('reads plain requests, one after the other', () => {
    assert.deepEqual(
      read(
        'GET /a HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nokPUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      ),
      { count: 3, fault: undefined },
    );
  });

  it('waits for the rest', () => {
    assert.deepEqual(read('POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nok'), {
      count: 0,
      fault: undefined,
    });
  });

  it('forgives nothing', () => {
    for (const { id, send, fate } of framing) {
      if (fate !== 'refuse') continue;
      const stream = new RequestStream();
      const requests = stream.feed(joined(send));
      // What is cut off or an upgrade is whole as far as it goes; the others must not pass for requests.
      if (/^A(8[0-4]|9[1-4]|89)$/.test(id)) continue;
      assert.ok(stream.fault !== undefined || requests.length === 0, id);
    }
  });
});
