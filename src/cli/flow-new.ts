import type { Options } from './options.ts';
export async function flowNew(_options: Options): Promise<void> {}
