/** Finds secrets in whatever was written, also when they were encoded on the way. */
export class Canaries {
  readonly #forms: readonly { readonly name: string; readonly form: string; readonly needle: string }[];

  /** Name → a part of the secret that occurs nowhere else: letters and digits, at least 12 of them. */
  constructor(cores: Readonly<Record<string, string>>) {
    this.#forms = Object.entries(cores).flatMap(([name, core]) => {
      if (!/^[A-Za-z0-9]{12,}$/.test(core)) throw new Error(`${name}: not fit for a canary`);
      const bytes = Buffer.from(core);
      return [
        { name, form: 'raw', needle: core.toLowerCase() },
        { name, form: 'hex', needle: bytes.toString('hex') },
        { name, form: 'reversed', needle: Array.from(core).reverse().join('').toLowerCase() },
        { name, form: 'percent-encoded', needle: [...bytes].map((byte) => `%${byte.toString(16)}`).join('') },
        ...inBase64(bytes).map((needle) => ({ name, form: 'base64', needle: needle.toLowerCase() })),
      ];
    });
  }

  /** `where: name (form)` for every secret that is in one of the texts. */
  find(texts: Readonly<Record<string, string | Buffer>>): string[] {
    return Object.entries(texts).flatMap(([where, text]) => {
      const haystack = text.toString('latin1').toLowerCase();
      return this.#forms
        .filter(({ needle }) => haystack.includes(needle))
        .map(({ name, form }) => `${where}: ${name} (${form})`);
    });
  }
}

/** What of some bytes stays the same in base64 and base64url wherever in a longer text they stand: three alignments. */
function inBase64(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replaceAll('=', '');
    const start = offset === 0 ? 0 : offset + 1;
    const whole = encoded.slice(start, Math.floor(((offset + bytes.length) * 8) / 6));
    return [whole, whole.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
