/** Caps the request bodies that all requests together keep in memory, because Node returns memory late. Bytes. */
export class BufferBudget {
  #limit: number;
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** What is in use stays, even if it is more. */
  setLimit(limit: number): void {
    this.#limit = limit;
  }

  tryReserve(bytes: number): boolean {
    if (this.#used + bytes > this.#limit) return false;
    this.#used += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#used -= bytes;
  }
}
