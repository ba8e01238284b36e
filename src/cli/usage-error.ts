/** Wrong usage of the command line. */
export class UsageError extends Error {
  /** The command whose help says more, such as `flow try`; undefined: the one that runs. */
  readonly command: string | undefined;

  constructor(message: string, command?: string) {
    super(message);
    this.command = command;
  }
}
