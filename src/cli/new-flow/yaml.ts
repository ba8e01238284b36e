import type { JsonTemplate } from '../../flows/json-template.ts';
import { kindOf, type SampleFacts } from './answer.ts';
import type { DraftCall } from './call.ts';
import type { DraftCredential } from './credentials.ts';
import type { Decision, Decisions } from './decisions.ts';
import type { LikelyLifetime } from './likely.ts';

/** Everything that a draft is written from. */
export interface Draft {
  readonly name: string;
  readonly call: DraftCall;
  readonly credentials: readonly DraftCredential[];
  readonly facts: SampleFacts | undefined;
  readonly decisions: Decisions;
}

const ASSUMED = 'assumed';

/** The draft as YAML with comments. */
export function draftYaml(draft: Draft): string {
  const lines = [
    `# Written by "tokenward flow new". Check the lines with "${ASSUMED}": neither command nor answer tells them.`,
    '# Then: tokenward check -c FILE, and tokenward flow try ' + `${draft.name} -c FILE. Every key: proxy.config.yaml.`,
    ...(isPlainOauth(draft) ? oauthLines(draft) : ownLines(draft)),
    'routes:',
    line(
      `  - { prefix: /${draft.name}, upstream: ${quoted(draft.decisions.upstream.value)}, account: ${draft.name} }`,
      draft.decisions.upstream.assumed ? `${ASSUMED}: the API has the host of the login` : '',
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function ownLines({ name, call, credentials, facts, decisions }: Draft): string[] {
  const isRefresh = call.grant === 'refresh_token';
  return [
    'flows:',
    `  ${name}:`,
    `    baseUrl: ${quoted(call.baseUrl)}`,
    ...(credentials.length > 0
      ? [`    credentials: { ${credentials.map((one) => `${one.name}: required`).join(', ')} }`]
      : []),
    `    ${isRefresh ? 'refresh' : 'login'}:`,
    ...(isRefresh ? [`      # The first refresh token comes from: tokenward import ${name} -c FILE`] : []),
    ...callLines(call).map((text) => `      ${text}`),
    ...answerLines(facts, decisions, isRefresh).map((text) => `      ${text}`),
    ...(isRefresh
      ? []
      : ['      # JSON with 400, 401, 403 or 422 counts as wrong credentials; "refused" would replace that.']),
    ...(facts?.success === undefined
      ? []
      : [
          `      # If the API refuses in a 200 (${facts.success}: false), take the next line as well:`,
          '      # refused: [ { status: [400, 401, 403, 422] }, ' +
            `{ status: 200, body: { ${quoted(facts.success)}: false } } ]`,
        ]),
    ...refreshHint(call, facts, decisions),
    ...(facts !== undefined && (facts.lifetime !== undefined || isJwtAt(facts, decisions.token.value))
      ? []
      : [
          '    # The answer names no lifetime: a token is used until it is rejected. If you know how long one lives:',
          '    # lifetime: 1h',
        ]),
    line(
      `    attach: ${flowed(decisions.attach.value)}`,
      decisions.attach.assumed ? `${ASSUMED}: requests carry the token here (--attach)` : '',
    ),
    line(`    invalid: [ ${flowed(decisions.invalid.value)} ]`, deadToken(decisions.invalid)),
    'accounts:',
    `  ${name}:`,
    `    flow: ${name}`,
    ...accountLines(credentials),
  ];
}

function deadToken({ assumed }: Decision<unknown>): string {
  return assumed ? `${ASSUMED}: so the API answers a dead token (--invalid)` : '';
}

function accountLines(credentials: readonly DraftCredential[]): string[] {
  if (credentials.length === 0) return [];
  return ['    credentials:', ...credentials.map(({ name, text }) => `      ${name}: ${quoted(text)}`)];
}

function callLines(call: DraftCall): string[] {
  return [
    ...(call.method === 'POST' ? [] : [`method: ${call.method}`]),
    `url: ${quoted(call.url)}`,
    ...(call.query === undefined ? [] : [`query: ${flowed(call.query)}`]),
    ...(call.headers === undefined ? [] : [`headers: ${flowed(call.headers)}`]),
    ...(call.basic === undefined ? [] : [`basic: ${quoted(call.basic)}`]),
    ...(call.json === undefined ? [] : [`json: ${flowed(call.json)}`]),
    ...(call.form === undefined ? [] : [`form: ${flowed(call.form)}`]),
    ...(call.xml === undefined ? [] : [`xml: ${quoted(call.xml)}`]),
  ];
}

function answerLines(facts: SampleFacts | undefined, { token }: Decisions, isRefresh: boolean): string[] {
  const value = facts?.places.find(({ place }) => place === token.value)?.value;
  const guess = facts === undefined ? 'there was no sample answer' : 'other fields look like one too';
  const comment = token.assumed ? `${ASSUMED}: ${guess} (--token)` : value === undefined ? '' : kindOf(value);
  const lines = [line(`  token: ${quoted(token.value)}`, comment)];
  if (facts === undefined) return ['answer:', ...lines];
  const { refreshToken, tokenType, lifetime, refreshLifetime } = facts;
  if (tokenType !== undefined) lines.push(`  tokenType: ${quoted(tokenType)}`);
  if (isRefresh && refreshToken !== undefined) lines.push(`  refreshToken: ${quoted(refreshToken)}`);
  if (lifetime !== undefined) lines.push(lifetimeLine(lifetime, lifetime.key));
  if (isRefresh && refreshLifetime !== undefined)
    lines.push(
      lifetimeLine(refreshLifetime, refreshLifetime.key === 'expiresIn' ? 'refreshExpiresIn' : 'refreshExpiresAt'),
    );
  if (isJwtAt(facts, token.value)) lines.push('  jwt: true  # its exp is the end of its life');
  return ['answer:', ...lines];
}

function lifetimeLine({ locator, isGuess }: LikelyLifetime, key: string): string {
  return line(
    `  ${key}: ${quoted(locator)}`,
    isGuess ? `${ASSUMED}: the unit; others are milliseconds, minutes, hours` : '',
  );
}

function isJwtAt({ places }: SampleFacts, token: string): boolean {
  return places.some(({ place, value }) => place === token && kindOf(value).startsWith('a JWT'));
}

/** How a refresh would be written: the command does not show one. */
function refreshHint(call: DraftCall, facts: SampleFacts | undefined, { token }: Decisions): string[] {
  if (facts?.refreshToken === undefined || call.grant === 'refresh_token') return [];
  return [
    `    # The answer has a refresh token. Without "refresh", tokenward logs in again. To spend it instead, add`,
    `    # refreshToken: ${quoted(facts.refreshToken)} to the answer above, and the call as the API describes it:`,
    '    # refresh:',
    '    #   url: "/path-of-the-refresh"',
    '    #   json: { "refresh_token": "{refreshToken}" }',
    `    #   answer: { token: ${quoted(token.value)}, refreshToken: ${quoted(facts.refreshToken)} }`,
  ];
}

const OAUTH_FIELDS = new Set(
  'grant_type client_id client_secret username password scope audience refresh_token'.split(' '),
);

/** A token request of RFC 6749, which a preset makes better: it knows the errors, and tries both ways of a client. */
function isPlainOauth({ call, decisions, facts }: Draft): boolean {
  const { form, grant, headers, query } = call;
  return (
    form !== undefined &&
    grant !== undefined &&
    ['client_credentials', 'password', 'refresh_token'].includes(grant) &&
    Object.keys(form).every((name) => OAUTH_FIELDS.has(name)) &&
    (form['client_id'] !== undefined || call.basic !== undefined) &&
    headers === undefined &&
    query === undefined &&
    call.method === 'POST' &&
    !call.url.includes('{') &&
    decisions.token.value === '/access_token' &&
    (facts === undefined || facts.lifetime === undefined || facts.lifetime.locator === '/expires_in')
  );
}

function oauthLines({ name, call, credentials, decisions }: Draft): string[] {
  const isRefresh = call.grant === 'refresh_token';
  const form = call.form!;
  const [id, secret = ''] = call.basic?.split(':') ?? [form['client_id']!, form['client_secret']];
  const textOf = (template: string): string => {
    const found = credentials.find((one) => `{${one.name}}` === template);
    return found?.text ?? template;
  };
  const values: Record<string, string> = {
    tokenUrl: `${call.baseUrl}${call.url}`,
    clientId: textOf(id!),
    ...(secret !== '' && { clientSecret: textOf(secret), clientAuth: call.basic === undefined ? 'post' : 'basic' }),
    ...(call.grant === 'password' && { grantType: 'password' }),
    ...Object.fromEntries(
      (isRefresh ? [] : ['username', 'password', 'scope', 'audience'])
        .filter((field) => form[field] !== undefined && form[field] !== '')
        .map((field) => [field, textOf(form[field]!)]),
    ),
  };
  return [
    'flows:',
    `  # OAuth 2.0: the preset makes the call, reads the answer, refreshes, and knows the errors.`,
    ...(isRefresh ? [`  # The first refresh token comes from: tokenward import ${name} -c FILE`] : []),
    `  ${name}:`,
    `    extends: ${isRefresh ? 'oauth2-refresh' : 'oauth2'}`,
    ...oauthChanges(decisions),
    'accounts:',
    `  ${name}:`,
    `    flow: ${name}`,
    '    credentials:',
    ...Object.entries(values).map(([key, text]) => `      ${key}: ${quoted(text)}`),
  ];
}

/** What differs from the preset. */
function oauthChanges({ attach, invalid }: Decisions): string[] {
  const isUsual = JSON.stringify([attach.value, invalid.value]) === USUAL;
  const assumed = attach.assumed || invalid.assumed;
  if (isUsual) {
    const how = 'requests carry Authorization: Bearer, and a dead token gets a 401';
    return [`    # ${assumed ? `${ASSUMED}: ` : ''}${how}`];
  }
  return [`    attach: ${flowed(attach.value)}`, `    invalid: [ ${flowed(invalid.value)} ]`];
}

const USUAL = JSON.stringify([{ header: 'Authorization', value: 'Bearer {token}' }, { status: 401 }]);

function line(text: string, comment: string): string {
  return comment === '' ? text : `${text}  # ${comment}`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** In YAML's flow style. JSON is YAML; blanks inside make it easier to read. */
function flowed(value: JsonTemplate | Readonly<Record<string, unknown>>): string {
  if (Array.isArray(value)) return `[${value.map((item) => flowed(item)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value);
  if (entries.length === 0) return '{}';
  const pairs = entries.map(([key, inner]) => `${keyOf(key)}: ${flowed(inner as JsonTemplate)}`);
  return `{ ${pairs.join(', ')} }`;
}

/** A key without quotes, if YAML reads it as a text. */
function keyOf(key: string): string {
  return /^[A-Za-z_]\w*$/.test(key) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(key) ? key : JSON.stringify(key);
}
