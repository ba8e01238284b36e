import { Command as Commander, Option, type HelpContext } from 'commander';
import { nearest } from '../nearest.ts';
import { coloured } from './colour.ts';
import { UsageError } from './usage-error.ts';

/**
 * A command with its own options, arguments and help. What Commander finds wrong is said in our own words and thrown as
 * a UsageError. A command's file declares it; what it does is imported when it runs, so that no other command waits.
 */
export class Command extends Commander {
  /** Texts of a missing argument, by the argument's name. */
  #needs: Readonly<Record<string, string>> = {};

  constructor(name?: string) {
    super(name);
    this.exitOverride().helpOption('-h, --help', 'show this help').helpCommand(false);
    this.configureHelp({
      styleTitle: (text) => coloured(process.stdout, 'bold', text),
      styleCommandText: (text) => coloured(process.stdout, 'cyan', text),
      styleOptionTerm: (text) => coloured(process.stdout, 'cyan', text),
      styleSubcommandTerm: (text) => coloured(process.stdout, 'cyan', text),
      subcommandTerm: (command) => command.name(),
    });
  }

  /** What is said if an argument is missing. */
  needs(texts: Readonly<Record<string, string>>): this {
    this.#needs = texts;
    return this;
  }

  /** Commands of the program have the same manners. */
  override createCommand(name?: string): Command {
    return new Command(name);
  }

  /** Its name with those above it, without the program's: `flow try`. */
  get path(): string {
    return this.parent instanceof Command && this.parent.parent !== null
      ? `${this.parent.path} ${this.name()}`
      : this.parent === null
        ? ''
        : this.name();
  }

  /** Called if a command that only has commands is given none. */
  override help(context?: HelpContext | ((text: string) => string)): never {
    if (typeof context !== 'object' || !context.error) return super.help(context as HelpContext);
    const names = this.commands.map((command) => command.name());
    throw new UsageError(
      this.path === '' ? 'no command given' : `${this.path} needs to know what to do: ${listed(names, 'or')}`,
      this.path,
    );
  }

  override error(message: string, { code = '' }: { readonly code?: string } = {}): never {
    throw new UsageError(this.#inOurWords(message, code), this.path);
  }

  #inOurWords(message: string, code: string): string {
    const [, quoted = ''] = /'([^']*)'/.exec(message) ?? [];
    switch (code) {
      case 'commander.unknownOption':
        return this.#unknownOption(quoted);
      case 'commander.unknownCommand':
        return this.noSuchCommand(this.args[0] ?? '');
      case 'commander.excessArguments': {
        const said = this.parent?.args[0];
        // The command is the one that runs if none is named.
        if (this.parent instanceof Command && said !== undefined && this.parent.path !== '' && said !== this.name())
          return this.parent.noSuchCommand(said);
        return `too many words after ${this.path}`;
      }
      case 'commander.missingArgument':
        return this.#needs[quoted] ?? `${this.path} needs ${quoted}`;
      case 'commander.optionMissingArgument':
        return `the option ${quoted} needs a value`;
      case 'commander.invalidArgument':
        return message.replace(/^error: /, '').replace(/\.$/, '');
      default:
        return message.replace(/^error: /, '').replace(/\.$/, '');
    }
  }

  #unknownOption(given: string): string {
    const word = given.split('=', 1)[0]!;
    if (this.path === '') {
      const isCommands = this.#all().some((command) => command.#flags().includes(word));
      return isCommands
        ? `${word} is an option of a command: write it behind the command`
        : `there is no option ${word}${meant(word, this.#flags())}`;
    }
    const near = meant(word, this.#flags());
    const others =
      near === ''
        ? this.#root()
            .#all()
            .filter((command) => command.#flags().includes(word))
        : [];
    const hint =
      others.length === 0
        ? ''
        : `; it is an option of ${listed(
            others.map(({ path }) => path),
            'and',
          )}`;
    return `${this.path} has no option ${word}${near}${hint}`;
  }

  /** What is said of a word that is none of its commands. */
  noSuchCommand(word: string): string {
    const names = this.commands.map((command) => command.name());
    if (this.path !== '') return `${this.path} cannot "${word}"; it can ${listed(names, 'and')}`;
    return `there is no command "${word}"${meant(word, names, '"')}`;
  }

  #flags(): string[] {
    const options = this.createHelp().visibleOptions(this);
    return options.flatMap(({ short, long }) => [short, long].filter((flag) => flag !== undefined));
  }

  #root(): Command {
    return this.parent instanceof Command ? this.parent.#root() : this;
  }

  /** All commands below this one. */
  #all(): Command[] {
    return this.commands.flatMap((command) => (command instanceof Command ? [command, ...command.#all()] : []));
  }
}

function meant(word: string, known: readonly string[], quote = ''): string {
  // Of several as near, the one that begins alike is meant.
  const bare = word.replace(/^-+/, '');
  const alike = known.filter((name) => name.replace(/^-+/, '')[0] === bare[0] && (quote !== '' || name.length > 2));
  const found = nearest(
    bare,
    (quote === '' ? alike : known).map((name) => name.replace(/^-+/, '')),
  );
  if (found === undefined || bare === '') return '';
  return `; did you mean ${quote === '' ? '--' : quote}${found}${quote}?`;
}

function listed(words: readonly string[], last: 'and' | 'or'): string {
  return words.join(', ').replace(/, (?=[^,]+$)/, ` ${last} `);
}

/** The configuration that a command reads. */
export function configOption(): Option {
  return new Option('-c, --config <file>', 'the configuration (default: proxy.config.yaml, or $TOKENWARD_CONFIG)');
}

/** Where the operator port is, and its key. */
export function operatorOptions(): Option[] {
  return [
    configOption(),
    new Option(
      '--operator <address>',
      'the operator port, as host:port or a URL (default: $TOKENWARD_OPERATOR, the configuration, or 127.0.0.1:9090)',
    ),
    new Option('--operator-key-file <file>', "a file with the operator's key (default: $TOKENWARD_OPERATOR_KEY)"),
  ];
}

/** A new command with these options. */
export function command(name: string, summary: string, options: readonly Option[] = []): Command {
  const made = new Command(name).summary(summary).description(summary);
  for (const option of options) made.addOption(option);
  return made;
}
