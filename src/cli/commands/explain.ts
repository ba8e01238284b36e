import { command, configOption, type Command } from '../command.ts';

/** `tokenward explain`. */
export function explain(): Command {
  return command('explain', 'show what would happen to a request, without sending it', [configOption()])
    .argument('<request...>', 'a URL or path, or a method and one: POST /crm/v1/messages')
    .needs({ request: 'explain needs a URL, or a method and a URL' })
    .option('--caller <name>', 'as this configured caller')
    .option('-H, --header <field>', 'a header field of the request, "Name: value"; may be repeated', gathered)
    .option('--json', 'as JSON')
    .action(async (words: readonly string[], options: object) =>
      (await import('../explain.ts')).explain(options, words),
    );
}

function gathered(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
