import assert from 'node:assert/strict';
import { stopEncoding } from '../../../src/http/server/raw-targets.ts';
import { MemorySocket } from '../../fuzz/targets/memory-socket.ts';
import { EncodedConnection, turns } from './encoded-connection.ts';

const UPGRADE = 'GET /\xff HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n';

describe('a connection that node:http has given away', () => {
  it('passes its bytes once and as they are to its next reader', async () => {
    let got = '';
    let resumers = 0;
    const connection = new EncodedConnection((_request, socket) => {
      const before = socket.listenerCount('resume');
      stopEncoding(socket.asSocket);
      resumers = before - socket.listenerCount('resume');
      socket.on('data', (bytes: Buffer) => (got += bytes.toString('latin1')));
      return 'unread';
    });
    await connection.receive(UPGRADE);
    assert.equal(resumers, 1);
    await connection.receive('GET /\xff HTTP/1.1\r\n\r\n');
    await connection.receive('more');
    assert.equal(got, 'GET /\xff HTTP/1.1\r\n\r\nmore');
    connection.socket.destroy();
  });

  it('is left alone if its targets were not encoded', async () => {
    const socket = new MemorySocket();
    stopEncoding(socket.asSocket);
    await turns();
    assert.equal(socket.destroyed, false);
  });
});
