import { pointed } from '../../src/flows/pointer.ts';
import { isMapping, isText, mapping, type Entry, type Scheme, type Way } from './entry.ts';

/*
 * OpenAPI 3 and Swagger 2: `security` is a list of alternatives, and each names schemes that are needed all at once.
 */

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query'];

export function isOpenapi(document: unknown): boolean {
  return isMapping(document) && ('openapi' in document || 'swagger' in document);
}

/** The API that a document describes. `file`: its name, if the document has no title. */
export function openapiEntry(document: unknown, file: string): Entry {
  const { info, components, securityDefinitions, security, paths, servers } = mapping(document);
  const title = mapping(info)['title'];
  const name = isText(title) ? title : file;
  const schemes = mapping(mapping(components)['securitySchemes'] ?? securityDefinitions);
  const base: unknown = mapping(Array.isArray(servers) ? servers[0] : undefined)['url'];
  const schemesOf = (key: string): readonly Scheme[] =>
    Object.hasOwn(schemes, key)
      ? alternatives(resolved(document, schemes[key]), isText(base) ? base : '')
      : [{ kind: `a security scheme that is not defined (${key})` }];
  const demanded = demands(security, paths);
  const needs = demanded.map((one) => one.flatMap((keys) => combinations(keys.map(schemesOf))));
  if (needs.length > 0) return { name, needs };
  // Some say which schemes there are, and not where they are needed.
  const any = Object.keys(schemes).flatMap((key) => schemesOf(key).map((scheme): Way => [scheme]));
  return any.length > 0
    ? { name, needs: [any] }
    : { name, needs: [], unclear: 'does not say how requests are authenticated' };
}

/** What the operations demand, each demand once: alternatives of names of schemes. */
function demands(security: unknown, paths: unknown): string[][][] {
  const operations = Object.values(mapping(paths)).flatMap((item) =>
    METHODS.flatMap((method) => (isMapping(mapping(item)[method]) ? [mapping(mapping(item)[method])] : [])),
  );
  const all = operations.length === 0 ? [security] : operations.map((operation) => operation['security'] ?? security);
  const each = all.flatMap((one) => {
    const ways = (Array.isArray(one) ? (one as unknown[]) : []).map((names) => Object.keys(mapping(names)));
    // Without a demand, or with an empty one, a request needs nothing.
    return ways.length === 0 || ways.some((names) => names.length === 0) ? [] : [ways];
  });
  return [...new Map(each.map((ways) => [JSON.stringify(ways), ways])).values()];
}

/** Every choice of one item of each list. */
function combinations(lists: readonly (readonly Scheme[])[]): Way[] {
  return lists.reduce<Way[]>((ways, list) => ways.flatMap((way) => list.map((one) => [...way, one])), [[]]);
}

function resolved(document: unknown, scheme: unknown): Readonly<Record<string, unknown>> {
  const reference = mapping(scheme)['$ref'];
  if (typeof reference !== 'string') return mapping(scheme);
  return mapping(reference.startsWith('#/') ? pointed(document, reference.slice(1))[0] : undefined);
}

/** The schemes that fulfil one of a document: OAuth 2.0 has a flow of several, of which any will do. */
function alternatives(scheme: Readonly<Record<string, unknown>>, base: string): Scheme[] {
  const { type, name, flow, flows, openIdConnectUrl } = scheme;
  switch (type) {
    case 'apiKey':
      return [{ kind: 'api_key', in: scheme['in'], name }];
    case 'basic':
      return [{ kind: 'basic' }];
    case 'http':
      return [httpScheme(scheme['scheme'])];
    case 'mutualTLS':
      return [{ kind: 'mutual_tls' }];
    case 'openIdConnect':
      return [{ kind: 'openid_connect', issuer: issuerOf(openIdConnectUrl) }];
    case 'oauth2':
      return typeof flow === 'string'
        ? [oauthScheme(flow, scheme, base)]
        : Object.entries(mapping(flows)).map(([grant, one]) => oauthScheme(grant, mapping(one), base));
    default:
      return [{ kind: typeof type === 'string' ? type : 'a security scheme without a type' }];
  }
}

function httpScheme(scheme: unknown): Scheme {
  const word = typeof scheme === 'string' ? scheme.toLowerCase() : '';
  if (word === 'basic' || word === 'bearer') return { kind: word };
  return { kind: 'signature', signature: word === 'oauth' ? 'oauth1' : word };
}

/** The flows of OpenAPI 3, and Swagger's names for two of them. */
const GRANTS: Readonly<Record<string, string>> = {
  clientCredentials: 'oauth2_client_credentials',
  application: 'oauth2_client_credentials',
  authorizationCode: 'oauth2_code',
  accessCode: 'oauth2_code',
  password: 'oauth2_password',
  implicit: 'oauth2_implicit',
  deviceAuthorization: 'oauth2_device',
};

function oauthScheme(flow: string, one: Readonly<Record<string, unknown>>, base: string): Scheme {
  const kind = Object.hasOwn(GRANTS, flow) ? GRANTS[flow]! : `oauth2 ${flow}`;
  const tokenUrl = absolute(one['tokenUrl'], base);
  return tokenUrl === undefined ? { kind } : { kind, tokenUrl };
}

/** Undefined: it is missing, or below a server that the document does not name. Whoever uses the API knows it. */
function absolute(url: unknown, base: string): string | undefined {
  if (!isText(url)) return undefined;
  if (/^https?:\/\//.test(url)) return url;
  return URL.canParse(url, base) ? new URL(url, base).href : undefined;
}

function issuerOf(url: unknown): unknown {
  return typeof url === 'string' ? url.replace(/\/\.well-known\/openid-configuration\/?$/, '') : url;
}
