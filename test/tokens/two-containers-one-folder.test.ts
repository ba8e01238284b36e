import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { leaseOwner, ownerIsGone } from '../../src/app/process-identity.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/proxy.ts';
import { requireTool } from '../support/tools.ts';

describe('whether the process that holds a lease is gone', () => {
  const [host, pid, started, random, namespace] = leaseOwner().split('/');

  it('this very process is not', () => assert.equal(ownerIsGone(leaseOwner()), false));
  it('one of this PID namespace that does not run is', () =>
    assert.equal(ownerIsGone(`${host}/4194303/1/${random}/${namespace}`), true));
  it('one whose number another process has by now is', () =>
    assert.equal(ownerIsGone(`${host}/${pid}/${Number(started) - 1}/${random}/${namespace}`), true));
  it('one of another host may run', () =>
    assert.equal(ownerIsGone(`other-${host}/4194303/1/${random}/${namespace}`), false));
  it('one of another PID namespace may run, whatever its number means here', () =>
    assert.equal(ownerIsGone(`${hostname()}/4194303/1/${random}/pid:[1]`), false));
  it('one of another PID namespace with our own number does not: the store would have let only one of us in', () =>
    assert.equal(ownerIsGone(`${hostname()}/${process.pid}/1/${random}/pid:[1]`), true));
  it('one that an earlier version named, without a namespace, may run', () =>
    assert.equal(ownerIsGone(`${hostname()}/4194303/1/${random}`), false));
});

const CHILD = `
import { leaseOwner, ownerIsGone } from '${process.cwd()}/src/app/process-identity.ts';
import { EmbeddedStore } from '${process.cwd()}/src/tokens/stores/embedded.ts';
let store;
try {
  store = EmbeddedStore.open(process.argv[1], { ownerIsGone, now: Date.now });
} catch (error) {
  console.log(error.message);
  process.exit(1);
}
const taken = await store.acquireLease('crm', leaseOwner(), 30_000);
console.log('number ' + process.pid + ', lease ' + (taken ? 'taken' : 'held by another'));
setInterval(() => undefined, 1_000);`;

describe('two containers that share one folder, on one host', function () {
  this.timeout(60_000);
  let folder: string;
  let unshare: string;
  const children: ChildProcess[] = [];
  before(function () {
    unshare = requireTool(this, 'unshare');
    try {
      execFileSync(unshare, ['--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' });
    } catch {
      this.skip();
    }
  });
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }
    rmSync(folder, { recursive: true, force: true });
  });

  /**
   * In a PID namespace of its own, as a container is; `before`: as many processes come first, so that its number is
   * another one.
   */
  function container(before = 0): { readonly said: string[]; readonly ended: Promise<unknown>; stop(): Promise<void> } {
    const node = [process.execPath, '--import=tsx', '--input-type=module', '--eval', CHILD, folder];
    const command = before === 0 ? node : ['sh', '-c', `${'true & '.repeat(before)}"$0" "$@"`, ...node];
    const child = spawn(unshare, ['--pid', '--fork', '--kill-child', '--mount-proc', ...command], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const said: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (text: string) => said.push(text.trim()));
    return {
      said,
      ended: once(child, 'exit'),
      async stop() {
        child.kill('SIGKILL');
        await once(child, 'exit');
      },
    };
  }

  it("each with numbers of its own: the one's lease is not taken by the other", async () => {
    const first = container();
    await eventually('it has the lease', () => first.said.length > 0, 20_000);
    const second = container(3);
    await eventually('it has been told', () => second.said.length > 0, 20_000);
    assert.match(first.said[0]!, /^number 1, lease taken$/);
    assert.match(second.said[0]!, /^number ([2-9]), lease held by another$/);
  });

  it('both with the same number: the second does not start, and says why and what to do', async () => {
    const first = container();
    await eventually('it has the lease', () => first.said.length > 0, 20_000);
    const second = container();
    await second.ended;
    assert.match(
      second.said.join(' '),
      /in use by another process with the same process id as this one \(1\).*PID namespace.*Redis/,
    );
  });

  it('one that is started anew after a crash has the lease at once', async () => {
    const first = container();
    await eventually('it has the lease', () => first.said.length > 0, 20_000);
    await first.stop();
    const again = container();
    await eventually('it has the lease', () => again.said.length > 0, 20_000);
    assert.match(again.said[0]!, /lease taken/);
  });
});
