import { command, type Command } from '../command.ts';

/** `tokenward sandbox`. */
export function sandbox(): Command {
  return command('sandbox', "run simulations of three vendors' APIs, to try the proxy")
    .option('--host <host>', 'listen here', '127.0.0.1')
    .option('--port <port>', 'first of its ports', '8180')
    .action(async (options: { readonly host: string; readonly port: string }) =>
      (await import('../sandbox.ts')).sandbox(options),
    );
}
