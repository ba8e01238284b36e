// http-proxy's WebSocket path as its manual shows it, with a token that was fetched at start.
import { createServer } from 'node:http';
import httpProxy from 'http-proxy';

const { PORT, TARGET } = process.env;

const { access_token: token } = await (await fetch(`${TARGET}/token`)).json();
const proxy = httpProxy.createProxyServer({ target: TARGET, changeOrigin: true, ws: true });
proxy.on('proxyReqWs', (proxyReq) => proxyReq.setHeader('Authorization', `Bearer ${token}`));
proxy.on('error', (_error, _request, socket) => socket.destroy?.());

const server = createServer((request, response) => proxy.web(request, response));
server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head));
server.listen(Number(PORT), '127.0.0.1', () => console.log('listening'));
