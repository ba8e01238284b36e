/** A store that the matrix runs over. More of them can be put beside the embedded one. */
export interface StoreUnderTest {
  readonly name: string;
  /** The `store` part of a configuration; `folder` is the cell's own. */
  config(folder: string): Readonly<Record<string, unknown>>;
}

export const EMBEDDED: StoreUnderTest = {
  name: 'embedded',
  config: (folder) => ({ type: 'embedded', path: folder }),
};

export const STORES: readonly StoreUnderTest[] = [EMBEDDED];
