import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { Clock } from './clock.ts';

/** How long this machine has been running: a clock that nobody sets, and that all processes of one boot share. */
export interface BootTime {
  /** Tells one boot from another; times of two boots cannot be compared. */
  readonly boot: string;
  readonly ms: number;
}

let boot: string | undefined;

/** The machine's; undefined where the system does not name its boots. */
export function systemBootTime(): BootTime | undefined {
  if (boot === undefined) {
    try {
      boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    } catch {
      boot = '';
    }
  }
  return boot === '' ? undefined : { boot, ms: Math.round(uptime() * 1000) };
}

/** The same played by a clock that was injected: each one is a boot of its own. */
export function bootTimeOf(clock: Clock): () => BootTime {
  const name = `clock ${Math.random()}`;
  return () => ({ boot: name, ms: clock.monotonic() });
}
