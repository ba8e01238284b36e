// The load generator where wrk is not installed: one request at a time on each of N connections, for some seconds.
import { Pool } from 'undici';

const [url, connections, seconds, method, bytes, ...headerList] = process.argv.slice(2);
const { origin, pathname: path } = new URL(url);
const headers = Object.fromEntries(headerList.map((line) => line.split(/: (.*)/, 2)));
const [open, close] = ['{"text":"', '"}'];
const body = Number(bytes) === 0 ? null : open + 'x'.repeat(Number(bytes) - open.length - close.length) + close;
if (body !== null) headers['content-type'] = 'application/json';

const pool = new Pool(origin, { connections: Number(connections), pipelining: 1 });
const latencies = [];
let [non2xx, socketErrors] = [0, 0];
const start = performance.now();
const end = start + Number(seconds) * 1000;

async function caller() {
  while (performance.now() < end) {
    const sent = performance.now();
    try {
      const { statusCode, body: reply } = await pool.request({ path, method, headers, body });
      await reply.dump();
      if (statusCode < 200 || statusCode > 299) non2xx += 1;
      latencies.push(performance.now() - sent);
    } catch {
      socketErrors += 1;
    }
  }
}
await Promise.all(Array.from({ length: Number(connections) }, caller));
const microseconds = Math.round((performance.now() - start) * 1000);
await pool.close();
latencies.sort((a, b) => a - b);
const percentile = (p) => Math.round((latencies[Math.floor((latencies.length * p) / 100)] ?? 0) * 1000);
console.log(
  `\nBURST ${JSON.stringify({ requests: latencies.length, microseconds, non2xx, socketErrors, timeouts: 0, p50: percentile(50), p99: percentile(99) })}`,
);
