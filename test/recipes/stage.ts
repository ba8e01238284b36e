import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { importInto, importTarget } from '../../src/cli/import-account.ts';
import { parseConfig } from '../../src/config/load.ts';
import { Recipes } from '../../src/config/recipes.ts';
import { call, type Answer } from '../support/call.ts';
import { Authority, type Certificate } from '../support/certificates.ts';
import { FakeClock } from '../support/clock.ts';
import { startCustomProxy } from '../support/custom-proxy.ts';
import { statusOf } from '../support/operator.ts';
import { recorder, temporaryFolder, type RunningProxy } from '../support/proxy.ts';
import { headOf, type RecipeHead } from './head.ts';
import { Imitation } from './imitation.ts';
import type { AppKey } from './signatures.ts';
import type { Vendor } from './vendor.ts';
import { allVendors } from './vendors/all.ts';
import { OWN_FLOWS } from './vendors/own-flows.ts';

/** What all recipes are tried with: the tables, an authority for their hosts, and a key of an application. */
export interface Props {
  readonly vendors: readonly Vendor[];
  readonly caFile: string;
  readonly certificate: Certificate;
  /** For APIs that demand one of the application. */
  readonly mutualTls: { readonly certFile: string; readonly keyFile: string };
  remove(): void;
}

/** `openssl`: the path of the program. */
export function makeProps(openssl: string): Props {
  const folder = temporaryFolder();
  const appKey = makeAppKey(openssl, folder);
  const vendors = allVendors(appKey);
  const names = [...new Set([...vendors, ...OWN_FLOWS].flatMap(hostsOf))].map((host) => ['DNS', host] as const);
  const authority = new Authority(openssl, folder);
  return {
    vendors,
    caFile: authority.caFile,
    certificate: authority.issue({ cn: 'imitation', names }),
    mutualTls: { certFile: join(folder, 'app.pem'), keyFile: join(folder, 'app.key') },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function makeAppKey(openssl: string, folder: string): AppKey {
  const [key, cert] = [join(folder, 'app.key'), join(folder, 'app.pem')];
  execFileSync(
    openssl,
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=app'],
      ...['-keyout', key, '-out', cert],
    ],
    { stdio: 'pipe' },
  );
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

function hostsOf(vendor: Vendor): string[] {
  const steps = (vendor.steps ?? []).map(({ at }) => at.slice(at.indexOf(' ') + 1));
  return [...steps, apiOf(vendor)].map((url) => new URL(url).hostname);
}

/** Where the requests of the API arrive. */
function apiOf(vendor: Vendor): string {
  return vendor.api ?? placeOf(vendor).upstream.replace('*.', 'acme.');
}

/** What account and route need beside the flow. */
function placeOf({ recipe, own }: Vendor): Pick<RecipeHead, 'upstream' | 'baseUrl' | 'route'> {
  return own === undefined ? headOf(recipe) : { baseUrl: undefined, route: {}, ...own };
}

/** One recipe in a tokenward of this process, before the imitation of its API. */
export class Stage {
  readonly imitation: Imitation;
  readonly clock: FakeClock;
  readonly vendor: Vendor;
  readonly #proxy: RunningProxy;
  readonly #folder: string;

  private constructor(vendor: Vendor, imitation: Imitation, proxy: RunningProxy, clock: FakeClock, folder: string) {
    this.vendor = vendor;
    this.imitation = imitation;
    this.#proxy = proxy;
    this.clock = clock;
    this.#folder = folder;
  }

  /** `changes`: keys of the recipe to replace, for tests of these tests. */
  static async start(vendor: Vendor, props: Props, changes?: object): Promise<Stage> {
    const { caFile, certificate, mutualTls } = props;
    const head = placeOf(vendor);
    const tls = { caFile, ...(vendor.mutualTls === true && mutualTls) };
    const own = vendor.own && (parse(vendor.own.flow) as object);
    const changed = changes === undefined ? undefined : { extends: vendor.recipe, ...changes };
    const folder = temporaryFolder();
    const imitation = await Imitation.start(vendor, apiOf(vendor), certificate);
    const clock = new FakeClock();
    const config = {
      store: { type: 'embedded', path: folder },
      egressProxy: imitation.url,
      accounts: {
        one: {
          flow: changes === undefined ? vendor.recipe : 'changed',
          credentials: vendor.credentials,
          tls,
          ...(head.baseUrl !== undefined && { baseUrl: head.baseUrl }),
        },
      },
      flows: { ...(own && { [vendor.recipe]: own }), ...(changed && { changed }) },
      routes: [{ prefix: '/api', upstream: head.upstream, account: 'one', tls, ...head.route }],
    };
    if (vendor.refreshes !== undefined) {
      const loaded = parseConfig(JSON.stringify(config), {});
      const dependencies = { log: recorder([]), owner: 'import', ownerIsGone: () => false, clock };
      await importInto(loaded, importTarget(loaded, 'one'), imitation.refreshToken, dependencies);
    }
    const proxy = await startCustomProxy(config, { clock });
    return new Stage(vendor, imitation, proxy, clock, folder);
  }

  /** A GET of a client; where the recipe puts something into bodies, a POST. */
  async get(): Promise<Answer> {
    const { form, json, body } = this.vendor.expect;
    if ([form, json, body].some((part) => part !== undefined)) return this.post();
    this.imitation.client = { query: { page: '2' }, form: undefined, json: undefined };
    return call(this.#proxy.url, this.#target);
  }

  /** A POST of a client, with a form or with JSON. */
  async post(): Promise<Answer> {
    const { clientForm, clientXml } = this.vendor;
    if (clientXml !== undefined) {
      this.imitation.client = { query: { page: '2' }, form: undefined, json: undefined };
      const headers = { 'content-type': 'text/xml; charset=utf-8' };
      return call(this.#proxy.url, this.#target, { method: 'POST', headers, body: clientXml });
    }
    const json = clientForm === undefined ? { name: 'Größe' } : undefined;
    this.imitation.client = { query: { page: '2' }, form: clientForm, json };
    return call(this.#proxy.url, this.#target, {
      method: 'POST',
      headers: { 'content-type': json === undefined ? 'application/x-www-form-urlencoded' : 'application/json' },
      body: json === undefined ? new URLSearchParams(clientForm).toString() : JSON.stringify(json),
    });
  }

  get #target(): string {
    return `/api${this.vendor.path ?? '/things/7'}?page=2`;
  }

  /** Whether tokenward has given the credentials up. */
  async isDead(): Promise<boolean> {
    const { accounts } = await statusOf(this.#proxy);
    return accounts.some(({ account, dead }) => account === 'one' && dead);
  }

  /** Everything that tokenward has said in its log and at the operator port. */
  async said(): Promise<string> {
    const pages = await Promise.all(
      ['/status', '/metrics', '/readyz'].map((path) => call(this.#proxy.operatorUrl, path)),
    );
    return [...this.#proxy.lines, ...pages.map((page) => page.text)].join('\n');
  }

  async stop(): Promise<void> {
    await this.#proxy.stop();
    await this.imitation.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The names of all recipes. */
export function allRecipes(): string[] {
  return new Recipes().names;
}
