// The upstream where nginx is not installed: the same answers as the nginx configuration in upstream.ts.
import { createServer } from 'node:http';

const { PORT, TOKEN, GET_BODY, POST_BODY, DEAD_BODY, FILE_BYTES } = process.env;
const file = Buffer.alloc(Number(FILE_BYTES), 'x');
let accepts = 0;
let requests = 0;

const server = createServer((request, response) => {
  requests += 1;
  const answer = (status, body) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  };
  const { url, method, headers } = request;
  if (url === '/status')
    return answer(200, `Active connections: 1\nserver accepts handled requests\n ${accepts} ${accepts} ${requests} \n`);
  if (headers.authorization !== TOKEN) return answer(401, '{"success":false}');
  if (url === '/crm/verify')
    return answer(
      200,
      JSON.stringify({ method, length: headers['content-length'] ?? '', coding: headers['transfer-encoding'] ?? '' }),
    );
  if (url === '/crm/files/1m') return answer(200, file);
  if (url === '/crm/files') {
    // Counted twice, as by the upstream that hands bodies on to itself.
    requests += 1;
    request.resume().on('end', () => answer(200, JSON.stringify({ method, length: headers['content-length'] ?? '' })));
    return undefined;
  }
  if (url === '/crm/dead') return answer(200, DEAD_BODY);
  return answer(200, method === 'POST' ? POST_BODY : GET_BODY);
});
server.on('connection', () => {
  accepts += 1;
});
server.keepAliveTimeout = 600_000;
server.listen(Number(PORT), '127.0.0.1', () => console.log('listening'));
