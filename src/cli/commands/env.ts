import { command, configOption, type Command } from '../command.ts';

/** `tokenward env`. */
export function env(): Command {
  return command('env', 'print the variables by which an application elsewhere uses a running forward proxy', [
    configOption(),
  ])
    .option('--proxy <host:port>', 'where the application reaches the proxy (default: where it listens)')
    .option('--caller <name>', 'the configured caller whose key the application has')
    .option('--format <name>', 'shell, docker or systemd (default: shell)')
    .option('-o, --output <bundle>', 'the authorities to trust go here (default: tokenward-bundle.pem)')
    .action(async (options: object) => (await import('../env.ts')).env(options));
}
