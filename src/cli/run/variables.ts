/** The files that applications are shown, as paths. */
export interface TrustFiles {
  /** The system's authorities and ours, PEM. */
  readonly bundle: string;
  /** Ours alone, PEM. */
  readonly authority: string;
  /** Ours alone, PKCS #12, for Java. */
  readonly trustStore: string;
  readonly trustStorePassword: string;
  /** A folder with an ini file for PHP; undefined: none was written. */
  readonly phpFolder?: string;
  /** A configuration of wget; undefined: none was written. */
  readonly wgetrc?: string;
}

/** Where the proxy is. */
export interface ProxyPlace {
  readonly host: string;
  readonly port: number;
  /** Undefined: it asks for none. */
  readonly caller?: { readonly name: string; readonly key: string } | undefined;
}

/** What programs of this host call each other by. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

/**
 * The environment variables that lead a program's requests through the proxy and make it trust the authority. `before`:
 * the variables as they are; `hosts`: those of the routes, which must not be exempted from the proxy.
 */
export function proxyVariables(
  place: ProxyPlace,
  trust: TrustFiles,
  before: Readonly<Record<string, string | undefined>>,
  hosts: readonly string[],
): Record<string, string> {
  const { host, port, caller } = place;
  const user = caller && `${encodeURIComponent(caller.name)}:${encodeURIComponent(caller.key)}@`;
  const url = `http://${user ?? ''}${host}:${port}`;
  const exempt = noProxy(before['no_proxy'] || before['NO_PROXY'] || '', hosts);
  const { bundle, authority, phpFolder, wgetrc } = trust;
  return {
    ...inBothCases('http_proxy', url),
    ...inBothCases('https_proxy', url),
    ...inBothCases('no_proxy', exempt),
    // OpenSSL, Go, Ruby, Python's ssl, PHP's streams.
    SSL_CERT_FILE: bundle,
    CURL_CA_BUNDLE: bundle,
    REQUESTS_CA_BUNDLE: bundle,
    GIT_SSL_CAINFO: bundle,
    AWS_CA_BUNDLE: bundle,
    CARGO_HTTP_CAINFO: bundle,
    DENO_CERT: authority,
    PERL_LWP_SSL_CA_FILE: bundle,
    NODE_EXTRA_CA_CERTS: authority,
    // Node 24 and later, and 22.21, read the proxy variables then.
    NODE_USE_ENV_PROXY: '1',
    JAVA_TOOL_OPTIONS: javaOptions(place, trust, exempt, before['JAVA_TOOL_OPTIONS']),
    // A leading colon keeps PHP's own folder.
    ...(phpFolder !== undefined && { PHP_INI_SCAN_DIR: `${before['PHP_INI_SCAN_DIR'] ?? ''}:${phpFolder}` }),
    ...(wgetrc !== undefined && { WGETRC: wgetrc }),
  };
}

/** The exemptions, without those that would lead requests to the routes' hosts past the proxy. */
export function noProxy(before: string, hosts: readonly string[]): string {
  const kept = before.split(/[\s,]+/).filter((entry) => entry !== '' && !hosts.some((host) => exempts(entry, host)));
  return [...new Set([...LOOPBACK_NAMES, ...kept])].join(',');
}

function exempts(entry: string, host: string): boolean {
  const name = entry
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\*?\.?/, '');
  return name === '' || host === name || host.endsWith(`.${name}`);
}

function inBothCases(name: string, value: string): Record<string, string> {
  return { [name]: value, [name.toUpperCase()]: value };
}

/** Java reads neither the proxy variables nor a bundle, and sends no proxy's key unless the program does it. */
function javaOptions(
  { host, port }: ProxyPlace,
  { trustStore, trustStorePassword }: TrustFiles,
  exempt: string,
  before: string | undefined,
): string {
  const direct = exempt.split(',').map((entry) => (entry.startsWith('.') ? `*${entry}` : entry));
  const properties = {
    'http.proxyHost': host,
    'http.proxyPort': port,
    'https.proxyHost': host,
    'https.proxyPort': port,
    'http.nonProxyHosts': direct.filter((entry) => !entry.includes(':') && !entry.includes('/')).join('|'),
    'jdk.http.auth.tunneling.disabledSchemes': '',
    'javax.net.ssl.trustStore': trustStore,
    'javax.net.ssl.trustStoreType': 'PKCS12',
    'javax.net.ssl.trustStorePassword': trustStorePassword,
  };
  const written = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`);
  return [...(before === undefined ? [] : [before]), ...written].join(' ');
}

/** Libraries that do not start without a key of their own; the real one is attached behind their back. */
const STAND_INS: readonly (readonly [host: RegExp, names: readonly string[]])[] = [
  [/^api\.openai\.com$/, ['OPENAI_API_KEY']],
  [/^api\.anthropic\.com$/, ['ANTHROPIC_API_KEY']],
  [/^generativelanguage\.googleapis\.com$/, ['GEMINI_API_KEY', 'GOOGLE_API_KEY']],
  [/^api\.github\.com$/, ['GITHUB_TOKEN', 'GH_TOKEN']],
  [/^gitlab\.com$/, ['GITLAB_TOKEN']],
  [/^api\.stripe\.com$/, ['STRIPE_API_KEY', 'STRIPE_SECRET_KEY']],
  [/^slack\.com$/, ['SLACK_BOT_TOKEN']],
  [/^api\.sendgrid\.com$/, ['SENDGRID_API_KEY']],
  [/^api\.twilio\.com$/, ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN']],
  [/\.amazonaws\.com$/, ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']],
];

/** Values for the variables in which libraries insist on a key, as far as nothing is in them. */
export function standIns(
  hosts: readonly string[],
  before: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const names = STAND_INS.filter(([form]) => hosts.some((host) => form.test(host))).flatMap(([, all]) => all);
  return Object.fromEntries(names.filter((name) => !before[name]).map((name) => [name, 'tokenward-stand-in']));
}
