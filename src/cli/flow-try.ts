import { FlowTrial, type TriedRenewal } from '../app/try-flow.ts';
import { TrialRoutes, tryRequest, type TriedRequest } from '../app/try-request.ts';
import { findAccount, loadConfig, type LoadedConfig } from '../config/load.ts';
import { TokenwardError } from '../errors.ts';
import { canLogin, canRefresh, isFixed } from '../flows/flow.ts';
import { nearest } from '../nearest.ts';
import type { Token } from '../tokens/token.ts';
import { formatDuration } from './format-duration.ts';
import { configFile, print, type ConfigOptions } from './options.ts';
import { TryReporter, type TryReport } from './try-report.ts';
import { tryText } from './try-text.ts';
import { UsageError } from './usage-error.ts';

/** The options of `tokenward flow try`. */
interface Options extends ConfigOptions {
  readonly refresh?: boolean;
  readonly path?: string;
  readonly route?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** A trial that ended otherwise than with a token that works; the report has been printed. */
export class FlowTryError extends Error {}

/** `tokenward flow try`. */
export async function flowTry(options: Options, account: string): Promise<void> {
  const config = loadConfig(configFile(options), process.env);
  checkAccount(config, account, options);
  const trial = new FlowTrial(config, account, options.dryRun === true);
  const routes = new TrialRoutes(config, trial);
  try {
    const { report, problem } = await tried(trial, routes, options);
    print(options.json === true ? `${JSON.stringify(report, null, 2)}\n` : tryText(report));
    if (problem !== undefined) throw new FlowTryError(problem);
  } finally {
    routes.close();
  }
}

/** Throws a UsageError for an account that cannot be tried like this. */
function checkAccount(config: LoadedConfig, account: string, options: Options): void {
  const found = findAccount(config, account);
  if (found === undefined) {
    const suggestion = nearest(account, Object.keys(config.accounts));
    throw new UsageError(
      'there is no account of this name in the configuration' +
        (suggestion === undefined ? '' : `; did you mean "${suggestion}"?`),
    );
  }
  const { flow, settings } = found;
  if (options.refresh === true && !canRefresh(flow)) throw new UsageError(`the flow ${settings.flow} has no refresh`);
  if (options.path !== undefined && !options.path.startsWith('/'))
    throw new UsageError('--path must be a path that begins with /');
  if (options.path === undefined && options.route !== undefined)
    throw new UsageError('--route goes with --path, and names the route that it is below');
  if (!canLogin(flow) && canRefresh(flow) && options.dryRun !== true)
    throw new UsageError(
      `${account} has no login, only a refresh token in the store. Trying it would spend that token, and a running ` +
        'tokenward would lose the account; --dry-run shows the request without sending it',
    );
}

async function tried(
  trial: FlowTrial,
  routes: TrialRoutes,
  options: Options,
): Promise<{ readonly report: TryReport; readonly problem: string | undefined }> {
  const dryRun = options.dryRun === true;
  const { flow, account, flowName } = trial;
  const place = options.path === undefined ? undefined : placeOf(routes, options.path, options.route);
  const reporter = new TryReporter(trial);
  const renewals: TriedRenewal[] = [];
  let problem: string | undefined;
  let token: Token | undefined = isFixed(flow) || dryRun ? trial.tokenOf(undefined) : undefined;
  const renewed = (renewal: TriedRenewal): void => {
    renewals.push(renewal);
    const { outcome, kind } = renewal;
    if (outcome === undefined) return;
    if (outcome.kind === 'granted') token = trial.tokenOf(outcome.grant);
    else problem = `the ${kind} brought no token (${outcome.kind}); the flow is at ${trial.placeOf([])}`;
  };
  const notes = notesOf(trial, options);
  if (canLogin(flow)) renewed(await trial.login());
  const wantsRefresh = options.refresh === true || (!canLogin(flow) && canRefresh(flow));
  if (wantsRefresh && problem === undefined) {
    if (dryRun) renewed(await trial.refresh(undefined));
    else if (token?.hasRefresh === true) renewed(await trial.refresh(token));
    else problem = 'the login brought no refresh token, so no refresh was tried';
  }
  let attachments: string[] = [];
  let request: TriedRequest | undefined;
  if (token !== undefined && problem === undefined) {
    try {
      attachments = reporter.attachments(trial.attachment(token));
      if (place !== undefined) request = await tryRequest(trial, place, token, dryRun);
      if (request?.rejected === true) problem = 'the upstream rejects the token';
    } catch (error) {
      if (!(error instanceof TokenwardError)) throw error;
      const detail = error.detail === undefined ? '' : `: ${error.detail}`;
      const where = error.code === 'upstream_not_allowed' ? `; see ${trial.placeOf(['upstream'])}` : '';
      problem = trial.mask.text(`the request got no response (${error.code}${detail})${where}`);
    }
  }
  const report = {
    account,
    flow: flowName,
    dryRun,
    notes,
    renewals: renewals.map((renewal) => reporter.renewal(renewal)),
    attachments,
    ...(request !== undefined && { path: reporter.path(request) }),
  };
  return { report, problem };
}

/** What a person should know before the result. */
function notesOf({ flow, credential }: FlowTrial, options: Options): string[] {
  if (options.dryRun === true || isFixed(flow)) return [];
  const { budget, renewalBudgets = [] } = credential;
  const budgets = [
    ...(budget === undefined ? [] : [`${budget.logins} logins in ${formatDuration(budget.window)}`]),
    ...renewalBudgets.map(({ logins, window }) => `${logins} renewals in ${formatDuration(window)}`),
  ];
  return [
    'The token that this brings is not stored, and a running tokenward goes on with its own.',
    'The login counts at the vendor.' + budgets.map((one) => ` The budget of ${one} does not count it.`).join(''),
    ...(options.refresh === true ? ['The refresh spends the refresh token of this login, not the stored one.'] : []),
  ];
}

function placeOf(routes: TrialRoutes, path: string, name: string | undefined): ReturnType<TrialRoutes['find']> {
  const place = routes.find(path, name);
  if (place !== undefined) return place;
  const { names } = routes;
  if (names.length === 0) throw new UsageError('no route uses this account, so --path leads nowhere');
  const which = names.join(', ');
  throw new UsageError(
    name === undefined
      ? `several routes use this account; name one with --route: ${which}`
      : `this account is used on ${which}, not below the route that --route names`,
  );
}
