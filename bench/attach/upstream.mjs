import { createServer } from 'node:http';

// Answers everything. Below /digest it wants HTTP Digest authentication: one challenge, which then stays good.
const BODY = JSON.stringify({ success: true, data: { id: 42, name: 'Ada Lovelace', tags: ['customer', 'vip'] } });
const CHALLENGE = {
  'www-authenticate': 'Digest realm="bench", nonce="0123456789abcdef", qop="auth", algorithm=SHA-256',
};
const JSON_TYPE = { 'content-type': 'application/json' };

createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  request.resume().on('end', () => {
    const challenged = request.url.startsWith('/digest') && !request.headers.authorization?.startsWith('Digest ');
    response.writeHead(challenged ? 401 : 200, challenged ? { ...JSON_TYPE, ...CHALLENGE } : JSON_TYPE).end(BODY);
  });
}).listen(Number(process.env.PORT), '127.0.0.1');
