import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, metric } from '../support/call.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { fakeUpstream } from '../support/fake-upstream.ts';
import { freePort } from '../support/free-port.ts';
import { spanReceiver, type ReceiverMode } from '../support/otlp.ts';

/** More than one batch, and less than the queue holds. */
const SOME = 300;

describe('a receiver of spans', function () {
  this.timeout(60_000);
  const keep = closing();
  const startAt = async (endpoint: string) => {
    const upstream = await keep(fakeUpstream());
    const proxy = await keep(
      startCustomProxy({
        routes: [{ prefix: '/a', upstream: upstream.url, account: 'fixed' }],
        tracing: { endpoint, headers: { authorization: 'Bearer of-the-receiver-1234' } },
      }),
    );
    const told = (): { level: string; message: string }[] =>
      proxy.lines
        .map((line) => JSON.parse(line) as { level: string; message: string })
        .filter(({ message }) => message.startsWith('spans '));
    const dropped = (reason: string): Promise<number> =>
      metric(proxy.operatorUrl, 'tokenward_spans_dropped_total', { reason });
    return { proxy, told, dropped };
  };
  const start = async (mode: ReceiverMode) => {
    const receiver = await keep(spanReceiver(mode));
    return { receiver, ...(await startAt(receiver.url)) };
  };
  /** So many requests, of which every one must be served. */
  const serve = async (url: string, requests: number): Promise<void> => {
    for (let count = 0; count < requests; count += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => call(url, '/a/x')));
      assert.ok(answers.every(({ status }) => status === 200));
    }
  };

  for (const [what, mode, reason] of [
    ['refuses spans with 500', 500, 'HTTP 500'],
    ['refuses its key', 401, 'HTTP 401'],
  ] as const)
    it(`that ${what} harms no request, is told of once, and is counted`, async () => {
      const { proxy, told, dropped } = await start(() => mode);
      await serve(proxy.url, SOME);
      await eventually('all are dropped', async () => (await dropped('export')) === 2 * SOME);
      assert.deepEqual(
        told().map(({ level, message }) => [level, message.replace(/127\S+/, 'IT')]),
        [['warn', `spans are dropped, requests are not affected: IT does not take them (${reason})`]],
      );
      assert.ok(!proxy.lines.some((line) => line.includes('of-the-receiver')));
    });

  it('that takes them again after a while is told of, too', async () => {
    let status = 503;
    const { receiver, proxy, told } = await start(() => status);
    await serve(proxy.url, 50);
    await eventually('it was asked again', () => receiver.requests.length >= 2);
    status = 500;
    await eventually('the warning', () => told().length === 1);
    status = 200;
    await serve(proxy.url, 50);
    await receiver.until((spans) => spans.length >= 100);
    await eventually('the good news', () => told().length === 2);
    assert.match(told()[1]!.message, /^spans arrive at 127\.0\.0\.1:\d+ again$/);
  });

  it('that was down when they were made gets what the queue has kept', async () => {
    const port = await freePort();
    const { proxy } = await startAt(`http://127.0.0.1:${port}`);
    await serve(proxy.url, 50);
    await sleep(1_500);
    const receiver = await keep(spanReceiver(() => 200, port));
    await receiver.until((spans) => spans.length === 100);
  });

  it('that hangs lets nothing wait but its own queue, which has an end', async () => {
    const { receiver, proxy, told, dropped } = await start(() => 'hang');
    await serve(proxy.url, 2_500);
    assert.equal(await dropped('queue'), 5_000 - 4_096);
    assert.match(told()[0]!.message, /does not take them fast enough$/);
    assert.equal(told().length, 1);
    assert.ok(receiver.requests.length <= 2, 'they are sent one after the other');
    const before = performance.now();
    await proxy.stop();
    assert.ok(performance.now() - before < 4_000, 'a stop waits for it');
    proxy.stop = () => Promise.resolve();
  });

  it('gets at the end of the process what it has not got yet', async () => {
    const { receiver, proxy } = await start(() => 200);
    await serve(proxy.url, 50);
    await proxy.stop();
    proxy.stop = () => Promise.resolve();
    assert.equal(receiver.spans.length, 100);
    assert.deepEqual(
      [
        receiver.requests[0]!.target,
        receiver.requests[0]!.headers['content-type'],
        receiver.requests[0]!.headers.authorization,
      ],
      ['/v1/traces', 'application/x-protobuf', 'Bearer of-the-receiver-1234'],
    );
    assert.ok(receiver.requests.every(({ headers }) => headers['traceparent'] === undefined));
  });
});
