/** How many requests are answered at once. One more is better told so at once than left to wait for all the others. */
export class Admission {
  readonly #most: number;
  #now = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** False: full. Who got in must `leave`. */
  enter(): boolean {
    if (this.#now >= this.#most) return false;
    this.#now += 1;
    return true;
  }

  leave(): void {
    this.#now -= 1;
  }
}
