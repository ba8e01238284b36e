import assert from 'node:assert/strict';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const CASES: readonly (readonly [args: readonly string[], message: string])[] = [
  [[], 'no command given'],
  [['sevre'], 'there is no command "sevre"; did you mean "serve"?'],
  [['frobnicate'], 'there is no command "frobnicate"'],
  [['serve', '--prot', '8080'], 'serve has no option --prot'],
  [['serve', '-x'], 'serve has no option -x'],
  [['serve', '-c'], 'the option -c, --config <file> needs a value'],
  [['serve', 'proxy.config.yaml'], 'too many words after serve'],
  [['renew'], 'renew needs the name of an account, or --dead, or --all'],
  [['renew', 'crm', '--all'], 'renew takes names, or --dead, or --all'],
  [['renew', 'crm', '--joson'], 'renew has no option --joson; did you mean --json?'],
  [['check', '--use-reserve'], 'check has no option --use-reserve; it is an option of renew'],
  [['check', '--port', '1'], 'check has no option --port; it is an option of sandbox'],
  [['check', '--login'], '--login is for --online'],
  [['-c', 'proxy.config.yaml', 'check'], '-c is an option of a command: write it behind the command'],
  [['--verison'], 'there is no option --verison; did you mean --version?'],
  [['explain'], 'explain needs a URL, or a method and a URL'],
  [['explain', 'crm'], 'explain needs a URL such as https://api.example.com/v1, or a path such as /crm/v1'],
  [['explain', 'GET', '/a', '/b'], 'too many words after explain: a method and a URL, or a URL'],
  [['status', 'crm', 'twin'], 'too many words after status'],
  [['completion'], 'completion needs the name of a shell: bash, zsh or fish'],
  [['completion', 'tcsh'], 'there is no completion for this shell; there is bash, zsh and fish'],
  [['logs', '--level', 'loud'], '--level must be one of trace, debug, info, warn, error'],
  [['top', '--interval', 'often'], '--interval must be 0.2 to 3600 seconds'],
  [['run'], 'run needs a command: tokenward run [options] -- COMMAND …'],
  [['help', 'sevre'], 'there is no command "sevre"; did you mean "serve"?'],
  [['ca', 'forge'], 'ca cannot "forge"; it can show, make, renew and export'],
  [['import'], 'import needs the name of an account; the refresh token comes from standard input'],
  [['import', 'crm', 'a-refresh-token'], 'too many words after import'],
  [['store'], 'store needs to know what to do: copy or prune'],
  [['store', 'move'], 'store cannot "move"; it can copy and prune'],
  [['store', 'copy', 'now'], 'too many words after store copy'],
  [['store', 'copy', '--from', 'old.yaml'], 'store copy needs two configurations: --from OLD.yaml --to NEW.yaml'],
  [['flow'], 'flow needs to know what to do: try or new'],
  [['flow', 'make'], 'flow cannot "make"; it can try and new'],
  [['flow', 'try'], 'flow try needs the name of an account'],
  [['flow', 'try', 'crm', 'twin'], 'too many words after flow try'],
  [['flow', 'new', 'acme'], 'too many words after flow new'],
  [['sandbox', '--port', 'many'], '--port must be a port number'],
  [['status', '--operator', 'nonsense'], '--operator must be HOST:PORT, or a URL such as http://127.0.0.1:9090'],
];

describe('wrong usage of the command line', () => {
  for (const [args, message] of CASES) {
    it(`ends with 2 and one line that says what is wrong: tokenward ${args.join(' ')}`, async function () {
      requireBuild(this);
      const { code, stdout, stderr } = await run(args);
      assert.deepEqual([code, stdout], [2, '']);
      const [said, help] = stderr.split(' Try: tokenward ');
      assert.equal(said, `tokenward: ${message}${/[?…]$/.test(message) ? '' : '.'}`);
      // The help that is named is there.
      assert.match(help!, /--help\n$/);
      assert.equal((await run(help!.trim().split(' '))).code, 0);
    });
  }
});
