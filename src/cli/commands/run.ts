import { command, configOption, type Command } from '../command.ts';

/** `tokenward run`. */
export function run(): Command {
  return (
    command('run', "run a command whose requests to the routes' hosts go through a proxy of its own", [configOption()])
      .usage('[options] -- <command> [arguments...]')
      .argument('<command...>', 'the command, with its own options')
      .needs({ command: 'run needs a command: tokenward run [options] -- COMMAND …' })
      // What follows the command is the command's.
      .passThroughOptions()
      .option('--caller <name>', 'call as this configured caller (default: one that may use every route)')
      .option(
        '--tunnel <host>',
        'also let tunnels to this host through, unread; "*.example.com", "*", with a port if not 443; may be repeated',
        gathered,
      )
      .option('--no-key', 'ask for no key, for Java; every program of this host can use the proxy then')
      .option('--check', "only prove that the command's runtime uses the proxy and trusts its authority")
      .action(
        async (words: readonly string[], options: { readonly key: boolean; readonly tunnel?: readonly string[] }) =>
          (await import('../run/run.ts')).run(options, words),
      )
  );
}

function gathered(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
