import type { Incident } from './incident.ts';
import type { StateCounts } from './status-document.ts';

interface Findings {
  readonly stopping: boolean;
  readonly incidents: readonly Incident[];
  readonly states: StateCounts;
  readonly known: number;
}

/** How tokenward does, in one sentence for whoever looks first. Never good while requests fail. */
export function verdictOf({ stopping, incidents, states, known }: Findings): string {
  if (stopping) return 'Shutting down: requests in flight end, no new ones are taken.';
  const critical = incidents.filter(({ severity }) => severity === 'critical');
  const failing = states.dead + states.out_of_logins + states.down;
  const parts: string[] = [];
  if (failing > 0) parts.push(`${failing} of ${accounts(known)} cannot serve`);
  for (const { id, what } of critical)
    if (!id.startsWith('account')) parts.push(what.replace(/\.$/, '').replace(/^The /, 'the '));
  if (parts.length > 0) return sentence(parts.slice(0, 2).join(', and '));
  if (states.degraded > 0) {
    const are = states.degraded === 1 ? 'is' : 'are';
    return `Requests are served, but ${states.degraded} of ${accounts(known)} ${are} degraded.`;
  }
  if (incidents.length === 1) return 'Requests are served, but one thing needs attention.';
  if (incidents.length > 1) return `Requests are served, but ${incidents.length} things need attention.`;
  if (known === 0) return 'No account is configured.';
  if (states.unused === known)
    return `Ready: no account is in trouble, and none of ${accounts(known)} has been used yet.`;
  return known === 1 ? 'The account works.' : `All ${accounts(known)} are well.`;
}

function accounts(count: number): string {
  return count === 1 ? '1 account' : `${count.toLocaleString('en-US')} accounts`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
