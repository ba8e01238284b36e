/** Accounts that may be used: exact names and prefixes of names. Undefined: all. */
export type AccountPatterns = { readonly names: ReadonlySet<string>; readonly prefixes: readonly string[] } | undefined;

/** Parses the patterns of the configuration. */
export function accountPatterns(patterns: readonly string[] | undefined): AccountPatterns {
  if (patterns === undefined) return undefined;
  return {
    names: new Set(patterns.filter((pattern) => !pattern.endsWith('*'))),
    prefixes: patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1)),
  };
}

/** Whether an account matches one of the patterns. */
export function matchesPatterns(patterns: AccountPatterns, account: string): boolean {
  return (
    patterns === undefined ||
    patterns.names.has(account) ||
    patterns.prefixes.some((prefix) => account.startsWith(prefix))
  );
}
