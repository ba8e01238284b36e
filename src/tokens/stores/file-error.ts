/** The system's error about a file, for the operator. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
