import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { eventually } from './eventually.ts';

/*
 * What systemd does for a service, in Python: Node can neither hold a listening socket without accepting from it, nor
 * receive datagrams on a Unix socket.
 */
const MANAGER = `
import array, json, os, socket, sys, threading
given = json.loads(sys.argv[1])
def say(**message):
    sys.stdout.write(json.dumps(message) + "\\n"); sys.stdout.flush()
def listening(where):
    if "path" in where:
        one = socket.socket(socket.AF_UNIX); one.bind(where["path"]); os.chmod(where["path"], where.get("mode", 0o660))
    else:
        one = socket.socket(socket.AF_INET6 if ":" in where["host"] else socket.AF_INET)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); one.bind((where["host"], where["port"]))
    one.listen(4096)
    return one
held = [listening(where) for where in given["sockets"]]
def notices(one):
    while True:
        text, ancillary, _, _ = one.recvmsg(4096, socket.CMSG_SPACE(64))
        say(notice=text.decode())
        # A descriptor is a barrier (BARRIER=1): whoever sent it waits until it is closed.
        for _, _, content in ancillary:
            fds = array.array("i"); fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
            for fd in fds: os.close(fd)
if given["notify"]:
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); notify.bind(given["notify"])
    threading.Thread(target=notices, args=(notify,), daemon=True).start()
def reap(pid):
    _, status = os.waitpid(pid, 0)
    say(exited=pid, code=os.waitstatus_to_exitcode(status))
say(ports=[one.getsockname()[1] if one.family != socket.AF_UNIX else 0 for one in held])
for line in sys.stdin:
    order = json.loads(line)
    pid = os.fork()
    if pid == 0:
        for index, one in enumerate(held): os.dup2(one.fileno(), 100 + index)
        for index in range(len(held)): os.dup2(100 + index, 3 + index)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1); os.dup2(log, 2)
        os.closerange(3 + len(held), 256)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(held)))
        if given["notify"]: os.environ["NOTIFY_SOCKET"] = given["notify"]
        os.execv(order["argv"][0], order["argv"])
    say(started=pid)
    threading.Thread(target=reap, args=(pid,), daemon=True).start()
`;

type Where = { readonly host: string; readonly port: number } | { readonly path: string; readonly mode?: number };

/** A stand-in for systemd, with the sockets of a socket unit. */
export interface Manager {
  /** By socket; 0 for a path. */
  readonly ports: readonly number[];
  /** What services have said on NOTIFY_SOCKET. */
  readonly notices: readonly string[];
  /** Starts a program, which gets the sockets. Its output goes to the end of `log`. */
  start(argv: readonly string[], log: string): Promise<number>;
  /** The exit code of a program that was started. */
  ended(pid: number): Promise<number>;
  close(): void;
}

/** `python`: the interpreter. `notify`: the path for NOTIFY_SOCKET. */
export async function startManager(python: string, sockets: readonly Where[], notify = ''): Promise<Manager> {
  const child = spawn(python, ['-c', MANAGER, JSON.stringify({ sockets, notify })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let ports: number[] | undefined;
  const started: number[] = [];
  const codes = new Map<number, number>();
  const notices: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line) as {
      ports?: number[];
      started?: number;
      exited?: number;
      code?: number;
      notice?: string;
    };
    if (said.ports !== undefined) ports = said.ports;
    if (said.started !== undefined) started.push(said.started);
    if (said.exited !== undefined) codes.set(said.exited, said.code!);
    if (said.notice !== undefined) notices.push(said.notice);
  });
  await eventually('the manager holds its sockets', () => ports !== undefined);
  return {
    ports: ports!,
    notices,
    async start(argv, log) {
      const before = started.length;
      child.stdin.write(`${JSON.stringify({ argv, log })}\n`);
      await eventually('the program was started', () => started.length > before);
      return started[before]!;
    },
    async ended(pid) {
      await eventually('the program has ended', () => codes.has(pid), 60_000);
      return codes.get(pid)!;
    },
    close: () => void child.kill('SIGKILL'),
  };
}
