/* Express and http-proxy 1.18.1 as most people write it: the first lines of both manuals, put together. */
import { Agent } from 'node:http';
import express from 'express';
import httpProxy from 'http-proxy';

const { PORT, TOKEN, API, IDLE, VOLUME } = process.env;

// Without an agent every request costs a connection, so this is the first thing anybody adds.
const agent = new Agent({ keepAlive: true });
const app = express();
for (const [path, port] of [
  ['/api', API],
  ['/idle', IDLE],
  ['/volume', VOLUME],
] as const) {
  const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${port!}/base`, changeOrigin: true, agent });
  proxy.on('proxyReq', (proxyReq) => {
    proxyReq.setHeader('Authorization', `Bearer ${TOKEN!}`);
  });
  proxy.on('error', (_error, _request, response) => {
    if (!('writeHead' in response)) return;
    if (!response.headersSent) response.writeHead(502);
    response.end();
  });
  app.use(path, (request, response) => proxy.web(request, response));
}
app.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${PORT!}`));
