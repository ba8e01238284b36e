import { attachSchema, budgetSchema, type Flow } from '../flows/flow.ts';
import { checkAccountCredentials, type SourceOf } from './credential-checks.ts';
import { checkAttach, checkBudget, needsBaseUrl } from './flow-checks.ts';
import { isWritten, keyProblems } from '../flows/usable-keys.ts';
import { record, type Path, type Report } from './issues.ts';
import type { KnownFlows } from './own-flows.ts';
import type { PlaceOf } from './usable-credentials.ts';

/*
 * Checks beyond the schema: references to other names, and rules across sections. All checks of this kind read the
 * values as they are written, so that their issues are reported together with the schema's.
 */

/** The accounts of a document: their flows must exist, and their credentials must fit. */
export function checkAccounts(raw: unknown, flows: KnownFlows, sourceOf: SourceOf, report: Report): void {
  for (const [name, value] of Object.entries(record(record(raw)['accounts']))) {
    const { flow: flowName, credentials, baseUrl, attach, budget } = record(value);
    if (typeof flowName !== 'string') continue;
    // One that has errors has been reported.
    const isUnknown = !flows.has(flowName);
    if (isUnknown) report(['accounts', name, 'flow'], flows.unknown(flowName), 'unknown_name');
    const flow = isUnknown ? flowMeant(flowName, credentials, flows) : flows.get(flowName);
    if (flow === undefined) continue;
    const path = ['accounts', name];
    const used = { ...flow, ...overrides(flow, attach, budget, path, report) };
    const placeOf: PlaceOf = (place) =>
      place[0] === 'attach' && attach !== undefined ? 'attach of this account' : flows.placeOf(flowName, place);
    checkAccountCredentials(used, credentials, [...path, 'credentials'], { sourceOf, placeOf }, report);
    if (baseUrl === undefined && flow.baseUrl === undefined && needsBaseUrl(flow)) {
      report(path, `the flow ${flowName} needs a baseUrl here`);
    }
  }
}

/**
 * The flow that a mistyped name probably means, so that the account's other errors come at once. Undefined: its
 * credentials are not like those of that flow either.
 */
function flowMeant(name: string, credentials: unknown, flows: KnownFlows): Flow | undefined {
  const flow = flows.get(flows.nearest(name) ?? name);
  const given = Object.keys(record(credentials));
  return flow !== undefined && given.some((one) => Object.hasOwn(flow.credentials, one)) ? flow : undefined;
}

/** The parts of a flow that an account overrides, checked as far as they are well-formed. `path`: the account's. */
export function overrides(flow: Flow, attach: unknown, budget: unknown, path: Path, report: Report): Partial<Flow> {
  const [attached, limited] = [attachSchema.safeParse(attach), budgetSchema.safeParse(budget)];
  if (attached.success) {
    checkAttach(flow, attached.data, [...path, 'attach'], report);
    const signed = { attach: attached.data };
    for (const { place, message } of keyProblems(signed, {}, isWritten)) report([...path, ...place], message);
  }
  if (limited.success) checkBudget(flow, limited.data, [...path, 'budget'], report);
  return attached.success ? { attach: attached.data } : {};
}
