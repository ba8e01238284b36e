import { command, type Command } from '../command.ts';

/** `tokenward init`. */
export function init(): Command {
  return command('init', 'write a commented configuration to start from')
    .option('-o, --output <file>', 'the file to write; - is standard output (default: proxy.config.yaml)')
    .option('--flow <name>', 'a built-in flow or a recipe, such as chatapp or salesforce-jwt; own: a flow to fill in')
    .option('--name <name>', 'the name of account and route (default: the name of the flow)')
    .option('--upstream <url>', 'the API that requests go to (default: the one of the flow)')
    .option('--force', 'overwrite the file')
    .action(async (options: object) => (await import('../init.ts')).init(options));
}
