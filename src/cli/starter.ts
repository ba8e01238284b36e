/** What a configuration to start from is about. */
export interface Starter {
  /** A preset or recipe; undefined: an own flow, which is written out. */
  readonly flow: string | undefined;
  /** Of account and route. */
  readonly name: string;
  readonly upstream: string;
  /** The credentials of the flow. */
  readonly credentials: Readonly<Record<string, 'required' | 'optional'>>;
}

/** A commented configuration with one account and one route. */
export function starter({ flow, name, upstream, credentials }: Starter): string {
  const names = flow === undefined ? OWN_CREDENTIALS : credentials;
  return `# tokenward, a first configuration. Check it: tokenward check
# Every setting with its default: docs/configuration.md, and the manual, proxy.config.yaml of the package.
# For completion and checks in your editor: tokenward schema > tokenward.schema.json

# Where applications call, and where people look: /status, /metrics and a page.
listen: { host: 127.0.0.1, port: 8080 }
operator: { host: 127.0.0.1, port: 9090 }

# Tokens outlive a restart here. Several hosts share Redis instead: docs/redis.md.
store: { type: embedded, path: ./data }

# Who may call: anyone on this host. Other hosts need keys (tokenward hash-key):
#callers:
#  - { name: billing, key: "sha256:…", routes: [/${name}] }
callers: none
${flow === undefined ? ownFlow(name, upstream) : ''}
accounts:
  ${name}:
    flow: ${flow ?? name}
    # Secrets come from the environment, or from files: "\${file:/run/secrets/password}".
    credentials:
${Object.entries(names)
  .map(([credential, need]) => credentialLine(name, credential, need))
  .join('')}
routes:
  # http://127.0.0.1:8080/${name}/x becomes ${upstream}/x, with the token of the account.
  - prefix: /${name}
    upstream: ${upstream}
    account: ${name}
    # An application that still logs in itself gets a stand-in from tokenward:
    #legacyLogin: answer
    # Only these requests may pass:
    #policy: { allow: [{ methods: [GET], path: / }] }
`;
}

const OWN_CREDENTIALS: Starter['credentials'] = { username: 'required', password: 'required' };

/** How one credential is given; an optional one is switched off. */
function credentialLine(account: string, name: string, need: 'required' | 'optional'): string {
  const sign = need === 'required' ? '' : '#';
  const variable = `${account}_${name}`
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/\W/g, '_')
    .toUpperCase()
    .replace(/^(?=\d)/, '_');
  const value = /url$/i.test(name) ? 'https://login.example.com/oauth/token # Yours.' : `"\${${variable}}"`;
  return `      ${sign}${name}: ${value}\n`;
}

function ownFlow(name: string, upstream: string): string {
  return `
# How the API logs in, carries its token and rejects it. A curl command of its login becomes such a flow with
# "tokenward flow new"; "tokenward flow try ${name}" shows each step. All about flows: docs/flows.md.
flows:
  ${name}:
    baseUrl: ${upstream.replace('//*.', '//')}
    credentials: { username: required, password: required }
    login:
      url: /login
      json: { username: "{username}", password: "{password}" }
      # Where its answer has them: JSON pointers.
      answer: { token: /access_token, expiresIn: /expires_in }
    attach: { header: Authorization, value: "Bearer {token}" }
    # The response of the API to a dead token.
    invalid: [{ status: 401 }]
`;
}
