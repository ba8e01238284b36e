import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts';
import { freshFolder, writeConfig } from '../../support/files.ts';
import { run } from '../../support/process.ts';
import { requireBuild, requireTool } from '../../support/tools.ts';

const HOST = 'api.chatapp.online';
const URL = `https://${HOST}/v1/chats`;

/** Programs that nobody has changed: how each one calls a URL, with its own way of logging in left out. */
const CLIENTS: readonly (readonly [name: string, tool: string, program: string, options?: readonly string[]])[] = [
  ['curl', 'curl', `curl -fsS ${URL}`],
  ['wget', 'wget', `wget -qO- ${URL}`],
  ["Python's urllib", 'python3', `python3 -c 'import urllib.request as r; print(r.urlopen("${URL}").read())'`],
  ["PHP's curl", 'php', `php -r '$c = curl_init("${URL}"); exit(curl_exec($c) === false ? 1 : 0);'`],
  ["Ruby's Net::HTTP", 'ruby', `ruby -rnet/http -e 'r = Net::HTTP.get_response(URI("${URL}")); r.value; puts r.body'`],
  [
    "Perl's LWP",
    'perl',
    `perl -MLWP::UserAgent -e 'my $r = LWP::UserAgent->new(env_proxy => 1)->get("${URL}"); die $r->status_line unless $r->is_success; print $r->content'`,
  ],
  [
    "Perl's HTTP::Tiny",
    'perl',
    `perl -MHTTP::Tiny -e 'my $r = HTTP::Tiny->new(verify_SSL => 1)->get("${URL}"); die $r->{content} unless $r->{success}; print $r->{content}'`,
  ],
  ['Go', 'go', 'go run ask.go'],
  // Java's own clients send a proxy's key only if the program has an Authenticator.
  ["Java's HttpClient", 'java', 'java Ask.java', ['--no-key']],
  ["Java's HttpURLConnection", 'java', 'java AskOld.java', ['--no-key']],
];

const GO = `package main
import ("fmt"; "io"; "net/http"; "os")
func main() {
  response, err := http.Get("${URL}")
  if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
  body, _ := io.ReadAll(response.Body)
  fmt.Println(response.StatusCode, string(body))
  if response.StatusCode != 200 { os.Exit(1) }
}
`;
const JAVA = `import java.net.URI; import java.net.http.*;
class Ask { public static void main(String[] args) throws Exception {
  var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  var response = client.send(HttpRequest.newBuilder(URI.create("${URL}")).build(), HttpResponse.BodyHandlers.ofString());
  System.out.println(response.body()); System.exit(response.statusCode() == 200 ? 0 : 1);
} }
`;
const OLD_JAVA = `import java.net.*;
class AskOld { public static void main(String[] args) throws Exception {
  var connection = (HttpURLConnection) new URL("${URL}").openConnection();
  System.out.println(new String(connection.getInputStream().readAllBytes()));
} }
`;

describe('tokenward run', function () {
  this.timeout(180_000);
  const folder = freshFolder();
  let sandbox: Sandbox;
  let config: string;
  before(async function () {
    requireBuild(this);
    sandbox = await startSandbox();
  });
  after(() => sandbox.close());
  beforeEach(() => {
    for (const [name, text] of [
      ['ask.go', GO],
      ['Ask.java', JAVA],
      ['AskOld.java', OLD_JAVA],
    ] as const)
      writeFileSync(join(folder(), name), text);
    config = writeConfig(folder(), {
      listen: { port: 0 },
      operator: { port: 0 },
      store: { type: 'embedded', path: join(folder(), 'store'), key: Buffer.alloc(32, 5).toString('base64') },
      accounts: {
        crm: { flow: 'chatapp', baseUrl: sandbox.urls.chatapp, credentials: { ...sandbox.credentials.chatapp } },
      },
      routes: [{ host: HOST, upstream: sandbox.urls.chatapp, account: 'crm' }],
    });
  });

  for (const [name, tool, program, options = []] of CLIENTS)
    it(`leads ${name} to its vendor with a token that is healed`, async function () {
      requireTool(this, tool);
      sandbox.ledger.clear();
      // The first call logs in; before the second the token is revoked, behind the client's back.
      const first = await run(['run', '-c', config, ...options, '--', 'sh', '-c', program], { cwd: folder() });
      assert.equal(first.code, 0, first.stderr);
      assert.match(first.stdout, /success|HTTP/);
      sandbox.chatapp.revokeCurrent();
      const second = await run(['run', '-c', config, ...options, '--', 'sh', '-c', program], { cwd: folder() });
      assert.equal(second.code, 0, second.stderr);
      assert.match(second.stderr, /1 request healed after a rejected token/);
      assert.ok(sandbox.ledger.count({ vendor: 'chatapp', kind: 'login' }) <= 1);
      assert.equal(sandbox.ledger.count({ vendor: 'chatapp', kind: 'refresh' }), 1);
    });
});
