/** Which accounts may be named: exact names, and beginnings of names. Undefined: all. */
export type AccountPatterns = { readonly names: ReadonlySet<string>; readonly prefixes: readonly string[] } | undefined;

/** What the configuration lists, ready for use. */
export function accountPatterns(patterns: readonly string[] | undefined): AccountPatterns {
  if (patterns === undefined) return undefined;
  return {
    names: new Set(patterns.filter((pattern) => !pattern.endsWith('*'))),
    prefixes: patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1)),
  };
}

/** Whether an account is among those. */
export function matchesPatterns(patterns: AccountPatterns, account: string): boolean {
  return (
    patterns === undefined ||
    patterns.names.has(account) ||
    patterns.prefixes.some((prefix) => account.startsWith(prefix))
  );
}
