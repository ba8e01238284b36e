import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      'bench/results/**',
      '.mutation/**',
      'bench/**/*.mjs',
      // A program of the chart, which runs as it is in a pod.
      'helm/**/*.mjs',
      '.dependency-cruiser.mjs',
      // Written for versions of Node that know no modules.
      'bin/**',
    ],
  },
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
  {
    // A pattern that takes quadratic time lets one long text block the process: an upstream's field, a client's target.
    files: ['src/**'],
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential', ignoreSticky: false, ignorePartial: false }],
    },
  },
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
    files: ['test/**', 'bench/**', 'tools/**'],
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
  {
    // The operator's page runs in a browser, as it is written: no compiler sees it.
    files: ['src/operator/page/*.js'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      parserOptions: { projectService: false, project: false },
      globals: Object.fromEntries(
        [
          ...['document', 'location', 'history', 'localStorage', 'navigator', 'performance', 'innerWidth'],
          ...['fetch', 'EventSource', 'AbortSignal', 'URLSearchParams', 'addEventListener', 'getSelection'],
          ...['setTimeout', 'clearTimeout', 'setInterval'],
        ].map((name) => [name, 'readonly']),
      ),
    },
    rules: {
      ...tseslint.configs.disableTypeChecked.rules,
      'no-undef': 'error',
      'max-len': 'off',
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'write'].map((property) => ({
          property,
          message: 'Names come from outside: they are only ever set as text.',
        })),
      ],
    },
  },
);
