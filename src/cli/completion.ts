import type { Argument, Command as Commander } from 'commander';
import type { Command } from './command.ts';
import { print } from './options.ts';
import { UsageError } from './usage-error.ts';

/** A command that can be completed: its words, the words after it, and its options. */
interface Words {
  /** The command with those above it: `flow try`; empty: the program. */
  readonly path: string;
  readonly next: readonly (readonly [word: string, about: string])[];
  readonly options: readonly (readonly [flag: string, about: string])[];
}

/** `tokenward completion`: a script for the shell, which has every command and option in it. */
export function completion(shell: string, program: Command): void {
  const write = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (write === undefined) throw new UsageError(`there is no completion for this shell; there is ${LISTED}`);
  print(write(wordsOf(program, '')));
}

const SHELLS: Readonly<Record<string, (all: readonly Words[]) => string>> = { bash, zsh, fish };
const LISTED = 'bash, zsh and fish';

function wordsOf(command: Commander, path: string): Words[] {
  const help = command.createHelp();
  const options = help
    .visibleOptions(command)
    .flatMap(({ short, long, description }) =>
      [long, short].filter((flag) => flag !== undefined).map((flag) => [flag, plain(description)] as const),
    );
  const next = command.commands.map((one) => [one.name(), plain(one.summary())] as const);
  const below = command.commands.flatMap((one) => wordsOf(one, path === '' ? one.name() : `${path} ${one.name()}`));
  const choices = command.registeredArguments.flatMap((one: Argument) => one.argChoices ?? []);
  return [{ path, next: [...next, ...choices.map((word) => [word, ''] as const)], options }, ...below];
}

/** Quotes and brackets mean something to shells. */
function plain(text: string): string {
  return text
    .replaceAll(/["'`$\\[\]:]/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function bash(all: readonly Words[]): string {
  const cases = all.map(({ path, next, options }) => {
    const words = next.map(([word]) => word).join(' ');
    const flags = options.map(([flag]) => flag).join(' ');
    return `    "${path}") words="${words}"; flags="${flags}" ;;`;
  });
  return `# bash completion of tokenward: source <(tokenward completion bash)
_tokenward() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="" words flags word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " ${all.map(({ path }) => path.replaceAll(' ', '_')).join(' ')} " in
      *" \${path:+\${path// /_}_}$word "*) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  case "$previous" in
    -c|-o|--*file|--config|--output|--from|--to|--curl|--answer|--pkcs12)
      COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$current"))
  elif [[ -n "$words" ]]; then COMPREPLY=($(compgen -W "$words" -- "$current"))
  else COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -F _tokenward tokenward
`;
}

function zsh(all: readonly Words[]): string {
  const cases = all.map(({ path, next, options }) => {
    const entries = (list: Words['next']): string =>
      list.map(([word, about]) => `'${word}${about === '' ? '' : `:${about}`}'`).join(' ');
    return `    "${path}") words_=(${entries(next)}); flags=(${entries(options)}) ;;`;
  });
  return `#compdef tokenward
# zsh completion of tokenward: source <(tokenward completion zsh)
_tokenward() {
  local path_="" word
  local -a words_ flags known
  known=(${all
    .filter(({ path }) => path !== '')
    .map(({ path }) => `"${path}"`)
    .join(' ')})
  for word in "\${(@)words[2,CURRENT-1]}"; do
    (( \${known[(Ie)\${path_:+$path_ }$word]} )) && path_="\${path_:+$path_ }$word"
  done
  case "$path_" in
${cases.join('\n')}
  esac
  if [[ "$PREFIX" == -* ]]; then _describe option flags
  elif (( $#words_ )); then _describe command words_
  else _files; fi
}
if [[ "$funcstack[1]" == _tokenward ]]; then _tokenward "$@"; else compdef _tokenward tokenward; fi
`;
}

function fish(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, next, options }) => {
    const when =
      path === ''
        ? '__fish_use_subcommand'
        : path
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ');
    const not =
      next.length > 0 && path !== ''
        ? `; and not __fish_seen_subcommand_from ${next.map(([word]) => word).join(' ')}`
        : '';
    return [
      ...next.map(([word, about]) => `complete -c tokenward -f -n '${when}${not}' -a '${word}' -d '${about}'`),
      ...options.map(([flag, about]) => {
        const name = flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
        return `complete -c tokenward -n '${when}' ${name} -d '${about}'`;
      }),
    ];
  });
  return `# fish completion of tokenward: tokenward completion fish | source\n${lines.join('\n')}\n`;
}
