// A constant rate: requests leave by the clock, whatever comes back, and each one's latency counts from the moment it was
// to leave, so that a contender who stands still pays for everybody who had to wait for him. Turns in a circle instead
// of sleeping: timers of Node know whole milliseconds only.
import { once } from 'node:events';
import { connect } from 'node:net';

const [url, perSecond, most, seconds, method, bytes, ...headerList] = process.argv.slice(2);
const { hostname, port, pathname, search, host } = new URL(url);
const body = Number(bytes) === 0 ? '' : `{"text":"${'x'.repeat(Number(bytes) - 11)}"}`;
const lines = [`${method} ${pathname}${search} HTTP/1.1`, `Host: ${host}`, ...headerList];
if (body !== '') lines.push('Content-Type: application/json', `Content-Length: ${body.length}`);
const request = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);

const AT_FIRST = 64;
/** So long the generator's own code is new to its compiler; these requests count, their latencies do not. ms */
const COLD = 300;
/** What is not answered so long after the last request was sent is not waited for. ms */
const PATIENCE = 10_000;

const free = [];
const queue = [];
const latencies = [];
const late = [];
let [open, non2xx, socketErrors, answered, start] = [0, 0, 0, 0, 0];

class Caller {
  constructor() {
    open += 1;
    this.text = '';
    this.due = undefined;
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (part) => this.read(part));
    this.socket.on('error', () => this.lost());
    this.socket.on('close', () => this.lost());
  }

  send(due) {
    this.due = due;
    this.socket.write(request);
  }

  read(part) {
    this.text += part;
    const head = this.text.indexOf('\r\n\r\n');
    if (head === -1) return;
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.text.slice(0, head + 2))?.[1];
    const whole =
      length === undefined ? this.text.endsWith('\r\n0\r\n\r\n') : this.text.length >= head + 4 + Number(length);
    if (!whole) return;
    const now = performance.now();
    if (this.text[9] !== '2') non2xx += 1;
    answered += 1;
    if (this.due - start >= COLD) latencies.push(now - this.due);
    const last = /\r\nconnection: *close/i.test(this.text.slice(0, head + 2));
    this.text = '';
    this.due = undefined;
    if (last) this.lost();
    else free.push(this);
    if (queue.length > 0) send(queue.shift());
  }

  // A contender may close what is idle; with a request on it that is an error.
  lost() {
    if (this.gone) return;
    this.gone = true;
    open -= 1;
    const place = free.indexOf(this);
    if (place !== -1) free.splice(place, 1);
    if (this.due !== undefined) {
      socketErrors += 1;
      answered += 1;
    }
    this.socket.destroy();
  }
}

function send(due) {
  const caller = free.pop() ?? (open < Number(most) ? new Caller() : undefined);
  if (caller === undefined) queue.push(due);
  else caller.send(due);
}

const first = Array.from({ length: AT_FIRST }, () => new Caller());
await Promise.all(first.map(({ socket }) => once(socket, 'connect')));
free.push(...first);

const gap = 1000 / Number(perSecond);
const total = Math.round(Number(perSecond) * Number(seconds) + COLD / gap);
let sent = 0;
start = performance.now();

await new Promise((resolve) => {
  function turn() {
    const now = performance.now();
    while (sent < total && start + sent * gap <= now) {
      const due = start + sent * gap;
      sent += 1;
      send(due);
      if (due - start >= COLD) late.push(performance.now() - due);
    }
    if (answered >= total || now > start + total * gap + PATIENCE) resolve();
    else setImmediate(turn);
  }
  turn();
});

const microseconds = Math.round((performance.now() - start) * 1000);
const percentile = (values, p) =>
  Math.round((values.sort((a, b) => a - b)[Math.floor((values.length * p) / 100)] ?? 0) * 1000);
console.log(
  `\nBURST ${JSON.stringify({
    requests: answered,
    microseconds,
    non2xx,
    socketErrors,
    timeouts: total - answered,
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
    late: { p50: percentile(late, 50), p99: percentile(late, 99) },
  })}`,
);
process.exit(0);
