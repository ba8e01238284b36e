import { ConfigError, parseConfig } from '../../src/config/load.ts';
import { attachedFields } from '../../src/flows/attach.ts';
import type { Written } from './draft.ts';
import { UnclearError, type Entry, type Way } from './entry.ts';
import { configurationOf } from './schemes.ts';

/** Whether tokenward takes a configuration for a way. */
export interface Verdict {
  readonly kinds: readonly string[];
  readonly outcome: 'expressible' | 'not' | 'unclear';
  /** Why it is not expressible. */
  readonly reason: string;
  readonly written: Written | undefined;
}

/** What became of an entry. */
export interface Judged {
  readonly name: string;
  readonly outcome: Verdict['outcome'];
  readonly reason: string;
  /** Of every way of every need. */
  readonly ways: readonly Verdict[];
  /** What it would be configured with: for each need, the first way that the loader takes. */
  readonly chosen: readonly Written[];
}

export function judge({ name, needs, unclear }: Entry): Judged {
  const judged = needs.map((ways) => ways.map(judgeWay));
  const ways = judged.flat();
  const failing = judged.find((all) => !all.some(({ outcome }) => outcome === 'expressible'));
  const chosen = judged.flatMap((all) => all.find(({ outcome }) => outcome === 'expressible')?.written ?? []);
  if (unclear !== undefined) return { name, outcome: 'unclear', reason: unclear, ways, chosen };
  if (failing === undefined) return { name, outcome: 'expressible', reason: '', ways, chosen };
  const outcome = failing.some((verdict) => verdict.outcome === 'not') ? 'not' : 'unclear';
  const reasons = failing.map(({ kinds, reason }) => `${kinds.join(' + ')}: ${reason}`);
  return { name, outcome, reason: [...new Set(reasons)].join('; or '), ways, chosen };
}

function judgeWay(way: Way): Verdict {
  const kinds = way.map(({ kind, signature }) =>
    typeof signature === 'string' && signature !== '' ? signature : kind,
  );
  let written: Written | undefined;
  try {
    written = configurationOf(way);
    const reason = refusal(written);
    return { kinds, outcome: reason === undefined ? 'expressible' : 'not', reason: reason ?? '', written };
  } catch (error) {
    if (!(error instanceof UnclearError)) throw error;
    return { kinds, outcome: 'unclear', reason: error.message, written };
  }
}

/** What the loader has against it; undefined: nothing. */
function refusal(written: Written): string | undefined {
  try {
    // JSON is YAML. No environment: a catalogue says nothing of it.
    const { flowOf } = parseConfig(JSON.stringify(written), {});
    const flow = flowOf.get('api');
    const fields = flow === undefined ? [] : attachedFields(flow.attach).map((field) => field.toLowerCase());
    const twice = fields.find((field, index) => fields.indexOf(field) !== index);
    return twice === undefined ? undefined : `two of its values need the header field ${twice}`;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [first, ...more] = error.issues.map(
      ({ path, message }) => `${path.replace(/^(flows|accounts)\.api\./, '')}: ${message}`,
    );
    return more.length === 0 ? first : `${first!}, and ${more.length} more`;
  }
}
