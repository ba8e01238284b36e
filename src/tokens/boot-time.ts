import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { Clock } from './clock.ts';

/** Time since this machine booted: a clock that cannot be set, and that all processes of one boot share. */
export interface BootTime {
  /** Identifies the boot; times of two boots cannot be compared. */
  readonly boot: string;
  readonly ms: number;
}

/** The machine's boot time; undefined where the system does not identify its boots. */
export const systemBootTime = bootTimeBy('/proc/sys/kernel/random/boot_id');

/** The same where this file identifies the boot. It is read once. */
export function bootTimeBy(file: string): () => BootTime | undefined {
  let boot: string | undefined;
  return () => {
    boot ??= textOf(file);
    return boot === '' ? undefined : { boot, ms: Math.round(uptime() * 1000) };
  };
}

/** Empty: there is no such file. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

/** A boot time from an injected clock: each clock is a boot of its own. */
export function bootTimeOf(clock: Clock): () => BootTime {
  const name = `clock ${Math.random()}`;
  return () => ({ boot: name, ms: clock.monotonic() });
}
