// An upstream that agrees to WebSockets with a token of its own, and sends every frame back. GET /kill ends all tokens.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const { PORT } = process.env;
let made = 0;
const good = new Set();

const server = createServer((request, response) => {
  if (request.url === '/token') {
    good.add(`Bearer token-${(made += 1)}`);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ access_token: `token-${made}`, token_type: 'Bearer', expires_in: 3600 }));
    return;
  }
  if (request.url === '/kill') good.clear();
  response.end();
});
server.on('upgrade', (request, socket) => {
  socket.on('error', () => undefined).setNoDelay(true);
  if (!good.has(request.headers.authorization)) {
    socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    return;
  }
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  // What it sends back is of the same length but for the mask: what matters here is who carries it.
  let rest = Buffer.alloc(0);
  socket.on('data', (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    for (;;) {
      if (rest.length < 2) return;
      const short = rest[1] & 127;
      const at = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (rest.length < at + 4) return;
      const size = short === 127 ? rest.readUInt32BE(6) : short === 126 ? rest.readUInt16BE(2) : short;
      const end = at + 4 + size;
      if (rest.length < end) return;
      const head = Buffer.from(rest.subarray(0, at));
      head[1] &= 127;
      if ((rest[0] & 15) === 8) {
        socket.end(Buffer.concat([head, rest.subarray(at + 4, end)]));
        return;
      }
      socket.write(Buffer.concat([head, rest.subarray(at + 4, end)]));
      rest = rest.subarray(end);
    }
  });
  socket.on('end', () => socket.end());
});
server.listen(Number(PORT), '127.0.0.1');
