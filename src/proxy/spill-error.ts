/** The folder for spilled bodies cannot be used. A module of its own: the others are loaded only where one spills. */
export class SpillError extends Error {
  override readonly name = 'SpillError';
}
