import tseslint from 'typescript-eslint';

/** What a folder may not import: the architecture as a rule. Imports only point down. */
const layers = [
  {
    files: ['src/tokens/**'],
    forbid: [
      'express',
      'node:http',
      'node:https',
      'node:net',
      '**/http/**',
      '**/proxy/**',
      '**/operator/**',
      '**/sandbox/**',
      '**/config/**',
      '**/app/**',
      '**/cli/**',
      '**/log.ts',
      '**/metrics.ts',
    ],
  },
  {
    files: ['src/flows/**'],
    forbid: [
      'express',
      'node:http',
      'node:https',
      'node:net',
      '**/http/**',
      '**/proxy/**',
      '**/operator/**',
      '**/sandbox/**',
      '**/config/**',
      '**/app/**',
      '**/cli/**',
      '**/log.ts',
      '**/metrics.ts',
    ],
  },
  {
    files: ['src/config/**'],
    forbid: [
      'express',
      'node:http',
      '**/proxy/**',
      '**/operator/**',
      '**/sandbox/**',
      '**/tokens/**',
      '**/app/**',
      '**/cli/**',
    ],
  },
  {
    files: ['src/http/**'],
    forbid: [
      '**/proxy/**',
      '**/operator/**',
      '**/sandbox/**',
      '**/tokens/**',
      '**/config/**',
      '**/flows/**',
      '**/workers/**',
      '**/app/**',
      '**/cli/**',
    ],
  },
  { files: ['src/http/**'], ignores: ['src/http/server/express.ts', 'src/http/server/server.ts'], forbid: ['express'] },
  {
    files: ['src/proxy/**'],
    forbid: ['express', '**/operator/**', '**/sandbox/**', '**/workers/**', '**/app/**', '**/cli/**', '**/stores/**'],
  },
  { files: ['src/operator/**'], forbid: ['**/proxy/**', '**/sandbox/**', '**/workers/**', '**/app/**', '**/cli/**'] },
  { files: ['src/app/**'], forbid: ['**/sandbox/**', '**/workers/**', '**/cli/**'] },
  { files: ['src/workers/**'], forbid: ['express', '**/proxy/**', '**/sandbox/**', '**/cli/**', '**/stores/**'] },
  {
    files: ['src/sandbox/**'],
    forbid: ['express', '**/proxy/**', '**/operator/**', '**/tokens/*', '**/config/**', '**/app/**', '**/cli/**'],
  },
];

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'bench/results/**', 'bench/**/*.mjs'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-deprecated': 'off',
      'no-restricted-globals': 'off',
      eqeqeq: 'error',
      // What the formatter leaves long: comments and texts.
      'max-len': ['error', { code: 120 }],
      'no-console': 'error',
    },
  },
  ...layers.map(({ files, ignores = [], forbid }) => ({
    files,
    ignores,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: forbid,
              message:
                'Imports only point down: cli → workers → app → {proxy, operator} → config → {flows, http} → tokens.',
            },
          ],
        },
      ],
    },
  })),
  {
    // Only the command line ends the process, reads its arguments and its environment.
    files: ['src/**'],
    ignores: ['src/cli/**', 'src/demo/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...['exit', 'argv', 'env', 'on', 'kill', 'stdout', 'stdin'].map((property) => ({
          object: 'process',
          property,
          message: 'Only src/cli touches the process.',
        })),
      ],
    },
  },
  {
    // Tests speak in plain sockets and byte strings, where these rules see trouble that is meant.
    files: ['test/**', 'bench/**'],
    rules: {
      // supertest's requests are thenables whose class the rule does not know: unawaited, one is never sent, and its
      // expectations cannot fail.
      '@typescript-eslint/no-floating-promises': ['error', { checkThenables: true }],
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      'no-console': 'off',
      // Titles, requests byte for byte and documents stand in one piece.
      'max-len': [
        'error',
        { code: 120, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true, ignoreUrls: true },
      ],
    },
  },
  { files: ['eslint.config.js'], ...tseslint.configs.disableTypeChecked },
);
