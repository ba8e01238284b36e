import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { Clock } from './clock.ts';

/** Time since this machine booted: a clock that cannot be set, and that all processes of one boot share. */
export interface BootTime {
  /** Identifies the boot; times of two boots cannot be compared. */
  readonly boot: string;
  readonly ms: number;
}

let boot: string | undefined;

/** The machine's boot time; undefined where the system does not identify its boots. */
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

/** A boot time from an injected clock: each clock is a boot of its own. */
export function bootTimeOf(clock: Clock): () => BootTime {
  const name = `clock ${Math.random()}`;
  return () => ({ boot: name, ms: clock.monotonic() });
}
