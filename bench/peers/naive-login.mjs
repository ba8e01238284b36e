// Express and http-proxy with a login when the upstream says 401, as it is mostly written: the token is fetched for the
// next request, and the one that was refused goes back to its caller as it is. Nothing keeps two refusals from logging in twice.
import express from 'express';
import httpProxy from 'http-proxy';

const { PORT, TARGET, TOKEN_ENDPOINT } = process.env;

const app = express();
const proxy = httpProxy.createProxyServer({ target: TARGET, changeOrigin: true });
let token;

async function login() {
  const reply = await fetch(`${TOKEN_ENDPOINT}/v1/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'bench@example.com', password: 'bench', appId: 'bench' }),
  });
  token = (await reply.json()).data.accessToken;
}

proxy.on('proxyReq', (proxyReq) => {
  proxyReq.setHeader('Authorization', token);
});
proxy.on('proxyRes', (proxyRes) => {
  if (proxyRes.statusCode === 401) login().catch(() => undefined);
});
proxy.on('error', (_error, _req, res) => {
  res.writeHead(502);
  res.end();
});

app.use((req, res) => proxy.web(req, res));
await login();
app.listen(Number(PORT), '127.0.0.1', 8192, () => console.log('listening'));
