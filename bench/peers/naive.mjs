// Express and http-proxy as most people write it: the first lines of both manuals, put together.
import express from 'express';
import httpProxy from 'http-proxy';

const { PORT, TARGET, TOKEN } = process.env;

const app = express();
const proxy = httpProxy.createProxyServer({ target: TARGET, changeOrigin: true });

proxy.on('proxyReq', (proxyReq) => {
  proxyReq.setHeader('Authorization', TOKEN);
});
proxy.on('error', (_error, _req, res) => {
  res.writeHead(502);
  res.end();
});

app.use((req, res) => proxy.web(req, res));
app.listen(Number(PORT), '127.0.0.1', () => console.log('listening'));
