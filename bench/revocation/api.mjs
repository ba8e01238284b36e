// The API whose token is revoked, and its token endpoint. A request takes THINK ms; whether its token is good is judged
// when the answer is due. On POST /control/revoke every request under way is refused within SPREAD ms: some of them
// after the renewal that the first ones have brought about. Tokens granted later all stay good, however many they are.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

const [PORT, THINK, SPREAD, RENEWAL, BODY] = ['PORT', 'THINK', 'SPREAD', 'RENEWAL', 'BODY'].map((name) =>
  Number(process.env[name]),
);
const DEAD = JSON.stringify({ success: false, error: { code: 'ApiInvalidTokenError', message: 'token' } });
const DONE = JSON.stringify({ success: true, data: { id: 4711, status: 'queued' } });

const good = new Set();
const underWay = new Set();
const executed = new Map();
let [tokenCalls, refused, damaged] = [0, 0, 0];

function answer(response, status, body, type = 'application/json') {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function whole(request, then) {
  let bytes = 0;
  request.on('data', (part) => (bytes += part.length)).on('end', () => then(bytes));
}

function grant(response) {
  tokenCalls += 1;
  setTimeout(() => {
    const token = `live-${randomBytes(12).toString('hex')}`;
    good.add(token);
    const now = Math.floor(Date.now() / 1000);
    answer(
      response,
      200,
      JSON.stringify({
        success: true,
        data: {
          accessToken: token,
          accessTokenEndTime: now + 86_400,
          refreshToken: `again-${token}`,
          refreshTokenEndTime: now + 14 * 86_400,
        },
      }),
    );
  }, RENEWAL);
}

function call(request, response, bytes) {
  const { authorization } = request.headers;
  const id = request.headers['x-call'];
  const one = { timer: undefined, finish };
  function finish() {
    clearTimeout(one.timer);
    underWay.delete(one);
    if (!good.has(authorization)) {
      refused += 1;
      return answer(response, 401, DEAD);
    }
    if (request.method === 'POST' && bytes !== BODY) damaged += 1;
    executed.set(id, (executed.get(id) ?? 0) + 1);
    return answer(response, 200, DONE);
  }
  one.timer = setTimeout(finish, THINK);
  underWay.add(one);
  // Gone before its answer: not under way any more.
  response.on('close', () => {
    clearTimeout(one.timer);
    underWay.delete(one);
  });
}

const server = createServer((request, response) =>
  whole(request, (bytes) => {
    const { url } = request;
    if (url === '/control/revoke') {
      const inFlight = underWay.size;
      good.clear();
      tokenCalls = 0;
      for (const one of underWay) setTimeout(one.finish, Math.random() * SPREAD);
      return answer(response, 200, JSON.stringify({ inFlight, at: performance.timeOrigin + performance.now() }));
    }
    if (url === '/control/state') return answer(response, 200, JSON.stringify({ inFlight: underWay.size }));
    if (url === '/control/ledger')
      return answer(response, 200, JSON.stringify({ tokenCalls, refused, damaged, executed: [...executed] }));
    if (url.startsWith('/v1/tokens')) return grant(response);
    return call(request, response, bytes);
  }),
);
server.keepAliveTimeout = 60_000;
server.listen({ port: PORT, host: '127.0.0.1', backlog: 8192 }, () => console.log('listening'));
