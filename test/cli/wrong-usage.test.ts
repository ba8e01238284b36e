import assert from 'node:assert/strict';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const CASES: readonly (readonly [args: readonly string[], message: string])[] = [
  [[], 'no command given'],
  [['sevre'], 'there is no command "sevre"; did you mean "serve"?'],
  [['frobnicate'], 'there is no command "frobnicate"'],
  [['serve', '--prot', '8080'], "Unknown option '--prot'; did you mean --port?"],
  [['serve', '-x'], "Unknown option '-x'"],
  [['serve', '-c'], "Option '-c, --config <value>' argument missing"],
  [['serve', 'proxy.config.yaml'], 'too many words after serve'],
  [['renew'], 'renew needs the name of an account'],
  [['renew', 'crm', 'twin'], 'too many words after renew'],
  [['import'], 'import needs the name of an account; the refresh token comes from standard input'],
  [['import', 'crm', 'a-refresh-token'], 'too many words after import'],
  [['store'], 'store needs to know what to do: store copy, or store prune'],
  [['store', 'move'], 'store cannot "move"; it can copy and prune'],
  [['store', 'copy', 'now'], 'too many words after store'],
  [['store', 'copy', '--from', 'old.yaml'], 'store copy needs two configurations: --from OLD.yaml --to NEW.yaml'],
  [['flow'], 'flow needs to know what to do: flow try ACCOUNT, or flow new'],
  [['flow', 'make'], 'flow cannot "make"; it can try and new'],
  [['flow', 'try'], 'flow try needs the name of an account'],
  [['flow', 'try', 'crm', 'twin'], 'too many words after flow'],
  [['flow', 'new', 'acme'], 'too many words after flow new; its name comes from --name'],
  [['sandbox', '--port', 'many'], '--port must be a port number'],
  [['status', '--operator', '127.0.0.1:9090'], '--operator must be a URL such as http://127.0.0.1:9090'],
  [['status', '--operator', 'nonsense'], '--operator must be a URL such as http://127.0.0.1:9090'],
];

describe('wrong usage of the command line', () => {
  for (const [args, message] of CASES) {
    it(`ends with 2 and one line that says what is wrong: tokenward ${args.join(' ')}`, async function () {
      requireBuild(this);
      const { code, stdout, stderr } = await run(args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.equal(stderr, `tokenward: ${message}${message.endsWith('?') ? '' : '.'} Try: tokenward --help\n`);
    });
  }
});
