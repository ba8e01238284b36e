/** What the exit codes mean. `run` ends with that of its command instead. */
export const EXIT_CODES: Readonly<Record<number, string>> = {
  0: 'done',
  1: 'failed: a port, the store or a running tokenward could not be used; explain: the request would be refused',
  2: 'wrong usage, or errors in the configuration',
  3: 'status --fail: an account cannot serve, or the store cannot be used',
};

/** The exit code of `status --fail` if an account cannot serve. */
export const CANNOT_SERVE = 3;
