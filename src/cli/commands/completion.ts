import { command, type Command } from '../command.ts';

/** `tokenward completion`. */
export function completion(): Command {
  return command('completion', 'print a script that completes commands and options in your shell')
    .argument('<shell>', 'bash, zsh or fish')
    .needs({ shell: 'completion needs the name of a shell: bash, zsh or fish' })
    .addHelpText(
      'after',
      '\nbash:  source <(tokenward completion bash)\nzsh:   source <(tokenward completion zsh)\n' +
        'fish:  tokenward completion fish | source',
    )
    .action(async (shell: string, _options: object, self: Command) =>
      (await import('../completion.ts')).completion(shell, self.parent as Command),
    );
}
