import type { Sandbox } from './started.ts';

/** The YAML of a configuration that puts tokenward in front of a sandbox. */
export function sandboxConfig(sandbox: Sandbox): string {
  const { urls, credentials } = sandbox;
  const { softline, chatapp, twin } = credentials;
  return `# tokenward in front of the sandbox. The credentials are the sandbox's own and open nothing else.
listen:   { host: 127.0.0.1, port: 8080 }
operator: { host: 127.0.0.1, port: 9090 }
store:    { type: embedded, path: ./sandbox-data }
callers:  none
accounts:
  softline:
    flow: softline
    baseUrl: ${text(urls.softline)}
    credentials: { username: ${text(softline.username)}, password: ${text(softline.password)} }
  crm:
    flow: chatapp
    baseUrl: ${text(urls.chatapp)}
    credentials: { email: ${text(chatapp.email)}, password: ${text(chatapp.password)}, appId: ${text(chatapp.appId)} }
  twin:
    flow: twin
    baseUrl: ${text(urls.twin.iam)}
    credentials: { email: ${text(twin.email)}, password: ${text(twin.password)}, ttl: 43200 }
routes:
  - { prefix: /softline, upstream: ${text(urls.softline)}, account: softline }
  - { prefix: /crm, upstream: ${text(urls.chatapp)}, account: crm }
  - { prefix: /twin/iam, upstream: ${text(urls.twin.iam)}, account: twin }
  - { prefix: /twin/cis, upstream: ${text(urls.twin.cis)}, account: twin }
  - { prefix: /twin/notify, upstream: ${text(urls.twin.notify)}, account: twin }
  - { prefix: /twin/bot, upstream: ${text(urls.twin.bot)}, account: twin }
  - { prefix: /twin/chat-api, upstream: ${text(urls.twin.chatApi)}, account: twin }
  - { prefix: /twin/analyse, upstream: ${text(urls.twin.analyse)}, account: twin }
`;
}

// A JSON string is a YAML string. `${` would be expanded from the environment, so it is written `$${`.
function text(value: string): string {
  return JSON.stringify(value).replaceAll('${', () => '$${');
}
