/** What the system says of a file that cannot be used, for the operator. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
