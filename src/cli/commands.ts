import type { Command } from './command.ts';
import { ca } from './commands/ca.ts';
import { check } from './commands/check.ts';
import { completion } from './commands/completion.ts';
import { connect } from './commands/connect.ts';
import { demo } from './commands/demo.ts';
import { env } from './commands/env.ts';
import { explain } from './commands/explain.ts';
import { flow } from './commands/flow.ts';
import { hashKey } from './commands/hash-key.ts';
import { importAccount } from './commands/import.ts';
import { health } from './commands/health.ts';
import { init } from './commands/init.ts';
import { logs } from './commands/logs.ts';
import { rekey } from './commands/rekey.ts';
import { reload } from './commands/reload.ts';
import { renew } from './commands/renew.ts';
import { run } from './commands/run.ts';
import { sandbox } from './commands/sandbox.ts';
import { schema } from './commands/schema.ts';
import { serve } from './commands/serve.ts';
import { status } from './commands/status.ts';
import { store } from './commands/store.ts';
import { top } from './commands/top.ts';
import { version } from './commands/version.ts';

/** The commands, by what a person wants to do, in the order of the help. */
export const COMMANDS: Readonly<Record<string, readonly (() => Command)[]>> = {
  'Run it:': [serve, run, env, demo, sandbox],
  'Configure it:': [init, check, explain, flow, schema, hashKey],
  'See and repair a running one:': [status, health, top, renew, reload, logs],
  'Tokens, store and certificates:': [importAccount, connect, store, rekey, ca],
  'This program:': [completion, version],
};
