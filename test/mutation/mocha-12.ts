import { createRequire } from 'node:module';

/**
 * Stryker's mocha runner asks for parts of mocha without their ending (`lib/cli/options`), and mocha 12 calls them
 * `.cjs`: https://github.com/stryker-mutator/stryker-js/pull/6205. Node tries the endings that are listed here.
 */
const { extensions } = createRequire(import.meta.url);
extensions['.cjs'] ??= extensions['.js'];
