import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import { closing } from '../../support/custom-proxy.ts';
import { freshFolder, writeConfig } from '../../support/files.ts';
import { run } from '../../support/process.ts';
import { findTool, requireBuild } from '../../support/tools.ts';

const HOST = 'https://api.chatapp.online';
/** A token's life, and that of a client: twenty of them. s. */
const LIFE = 1.2;
const SECONDS = 24;
const OWN = '{"email":"its own","password":"its own","appId":"its own"}';

interface Client {
  readonly command: string;
  readonly program: string;
  /** The file's name, where the command goes by its ending. */
  readonly file?: string;
  /** What `tokenward run` is told for it. */
  readonly option?: '--no-key';
}

/** What each client does: it logs in by its own code, then asks again and again with the token that it was given. */
const CLIENTS: Readonly<Record<string, Client>> = {
  curl: {
    command: 'sh',
    program: `set -e
T=$(curl -fsS -H 'content-type: application/json' -d '${OWN}' ${HOST}/v1/tokens | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')
[ -n "$T" ]
END=$(($(date +%s) + ${SECONDS}))
while [ $(date +%s) -lt $END ]; do
  curl -fsS -H "Authorization: $T" "${HOST}/v1/chats?client=curl" | grep -q '"success":true'
  sleep 0.3
done`,
  },
  python3: {
    command: 'python3',
    program: `
import json, time, urllib.request as r
def ask(path, **more):
    return json.load(r.urlopen(r.Request("${HOST}" + path, **more)))
token = ask("/v1/tokens", data=b'${OWN}', headers={"content-type": "application/json"})["data"]["accessToken"]
end = time.time() + ${SECONDS}
while time.time() < end:
    assert ask("/v1/chats?client=python3", headers={"Authorization": token})["success"]
    time.sleep(0.3)
`,
  },
  php: {
    command: 'php',
    program: `<?php
function ask($path, $options) {
  $c = curl_init("${HOST}$path");
  curl_setopt_array($c, $options + [CURLOPT_RETURNTRANSFER => true, CURLOPT_FAILONERROR => true]);
  $body = curl_exec($c);
  if ($body === false) { fwrite(STDERR, curl_error($c)); exit(1); }
  return json_decode($body, true);
}
$json = ['Content-Type: application/json'];
$token = ask('/v1/tokens', [CURLOPT_POSTFIELDS => '${OWN}', CURLOPT_HTTPHEADER => $json])['data']['accessToken'];
for ($end = microtime(true) + ${SECONDS}; microtime(true) < $end; usleep(300000))
  if (ask('/v1/chats?client=php', [CURLOPT_HTTPHEADER => ["Authorization: $token"]])['success'] !== true) exit(1);
`,
  },
  ruby: {
    command: 'ruby',
    program: `
require 'net/http'
require 'json'
def ask(request)
  uri = URI('${HOST}')
  response = Net::HTTP.start(uri.host, uri.port, use_ssl: true) { |http| http.request(request) }
  response.value
  JSON.parse(response.body)
end
login = Net::HTTP::Post.new('/v1/tokens', { 'content-type' => 'application/json' })
login.body = '${OWN}'
token = ask(login)['data']['accessToken']
finish = Time.now + ${SECONDS}
while Time.now < finish
  raise 'refused' unless ask(Net::HTTP::Get.new('/v1/chats?client=ruby', { 'Authorization' => token }))['success']
  sleep 0.3
end
`,
  },
  perl: {
    command: 'perl',
    program: `
use strict; use warnings; use LWP::UserAgent; use JSON::PP; use Time::HiRes qw(sleep time);
my $agent = LWP::UserAgent->new(env_proxy => 1);
sub ask { my $r = shift; die $r->status_line unless $r->is_success; return decode_json($r->decoded_content) }
my $token = ask($agent->post('${HOST}/v1/tokens', 'Content-Type' => 'application/json', Content => '${OWN}'))->{data}{accessToken};
my $end = time + ${SECONDS};
while (time < $end) {
  die 'refused' unless ask($agent->get('${HOST}/v1/chats?client=perl', Authorization => $token))->{success};
  sleep 0.3;
}
`,
  },
  // Its own clients send a proxy's key only if the program has an Authenticator.
  java: {
    command: 'java',
    file: 'Day.java',
    option: '--no-key',
    program: `
import java.net.URI; import java.net.http.*;
class Day {
  static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  static String ask(HttpRequest request) throws Exception {
    var response = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() != 200) throw new Exception("status " + response.statusCode());
    return response.body();
  }
  public static void main(String[] args) throws Exception {
    var own = HttpRequest.BodyPublishers.ofString("""
${OWN}""");
    var login = HttpRequest.newBuilder(URI.create("${HOST}/v1/tokens")).header("content-type", "application/json");
    var token = ask(login.POST(own).build()).split("\\"accessToken\\":\\"")[1].split("\\"")[0];
    var chats = HttpRequest.newBuilder(URI.create("${HOST}/v1/chats?client=java")).header("Authorization", token).build();
    for (var end = System.currentTimeMillis() + ${SECONDS * 1000}; System.currentTimeMillis() < end; Thread.sleep(300))
      if (!ask(chats).contains("\\"success\\":true")) throw new Exception("refused");
  }
}
`,
  },
  node: {
    command: process.execPath,
    file: 'client.mjs',
    program: `
const ask = async (path, options) => {
  const response = await fetch('${HOST}' + path, options);
  if (!response.ok) throw new Error('status ' + response.status);
  return response.json();
};
const headers = { 'content-type': 'application/json' };
const login = await ask('/v1/tokens', { method: 'POST', headers, body: '${OWN}' });
for (const end = Date.now() + ${SECONDS * 1000}; Date.now() < end; await new Promise((go) => setTimeout(go, 300)))
  if (!(await ask('/v1/chats?client=node', { headers: { authorization: login.data.accessToken } })).success)
    throw new Error('refused');
`,
  },
};

/** Node reads the proxy variables from 24 (22.21) on. */
function readsProxyVariables(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major >= 24 || (major === 22 && minor >= 21);
}

describe('tokenward run, through twenty expiries', function () {
  this.timeout(120_000);
  const folder = freshFolder();
  const close = closing();

  /** Runs them side by side. */
  function script(clients: readonly (readonly [string, Client])[]): string {
    const starts = clients.map(([name, { command, program, file = name }]) => {
      writeFileSync(join(folder(), file), program);
      return `"${command}" ${join(folder(), file)} & P_${name}=$!`;
    });
    const waits = clients.map(([name]) => `wait $P_${name} && echo "${name} was served"`);
    return [...starts, ...waits, 'exit 0'].join('\n');
  }

  it('serves clients that still log in by themselves, at one login: its own', async function () {
    requireBuild(this);
    const usable = (name: string, command: string): boolean =>
      name === 'node' ? readsProxyVariables() : findTool(command) !== undefined;
    const present = Object.entries(CLIENTS).filter(([name, { command }]) => usable(name, command));
    const names = present.map(([name]) => name);
    if (process.env['CI'] === 'true') assert.ok(names.length >= 5, `CI has only ${names.join()}`);
    this.runnable().title += ` (${names.join(', ')})`;
    const sandbox = await close(startSandbox());
    sandbox.chatapp.set({ accessTtlSeconds: LIFE });
    const { chatapp } = sandbox.urls;
    const config = writeConfig(folder(), {
      listen: { port: 0 },
      operator: { port: 0 },
      store: { type: 'embedded', path: join(folder(), 'store'), key: Buffer.alloc(32, 5).toString('base64') },
      accounts: { crm: { flow: 'chatapp', baseUrl: chatapp, credentials: { ...sandbox.credentials.chatapp } } },
      routes: [{ host: 'api.chatapp.online', upstream: chatapp, account: 'crm', legacyLogin: 'answer' }],
    });
    // Each with a proxy of its own, over one store.
    const runs = [undefined, '--no-key' as const].map(async (option) => {
      const clients = present.filter(([, client]) => client.option === option);
      if (clients.length === 0) return;
      const args = ['run', '-c', config, ...(option === undefined ? [] : [option]), '--', 'sh', '-c', script(clients)];
      const { code, stdout, stderr } = await run(args, { cwd: folder() });
      assert.equal(code, 0, stderr);
      for (const [name] of clients) assert.ok(stdout.includes(`${name} was served`), `${name}: ${stderr}`);
    });
    await Promise.all(runs);

    const { ledger } = sandbox;
    assert.equal(ledger.count({ vendor: 'chatapp', kind: 'login' }), 1);
    const refreshes = ledger.count({ vendor: 'chatapp', kind: 'refresh' });
    // A busy machine asks less often than a token lives.
    assert.ok(refreshes >= 10 && refreshes <= 2 * (SECONDS / LIFE) + 5, `${refreshes} refreshes`);
    const served = ledger.entries({ vendor: 'chatapp', kind: 'api' }).filter(({ outcome }) => outcome === 'ok');
    for (const name of names)
      assert.ok(served.filter(({ target }) => target.endsWith(`client=${name}`)).length >= 10, name);
    assert.doesNotMatch(JSON.stringify(ledger.entries({}).map(({ rawHeaders }) => rawHeaders)), /managed-by-tokenward/);
  });
});
