/** Something that is wrong, and what helps. */
export interface Incident {
  /** The same as long as it is the same incident. */
  readonly id: string;
  /** critical: requests fail. warning: they will, or some do. */
  readonly severity: 'critical' | 'warning';
  /** What is wrong, in a sentence. */
  readonly what: string;
  /** Why, as far as it is known. */
  readonly why?: string | undefined;
  /** Wall-clock ms, as far as it is known. */
  readonly since: number | undefined;
  /** When it is tried again, or ends by itself. Wall-clock ms. */
  readonly retryAt?: number | undefined;
  readonly who: Affected;
  /** What a button can do. */
  readonly action?: IncidentAction | undefined;
  /** The same, or more, on a command line. */
  readonly command?: string | undefined;
}

/** Who is hit. Of many accounts only the first are named. */
export interface Affected {
  readonly accounts: readonly string[];
  readonly accountCount: number;
  readonly routes: readonly string[];
  readonly callers: readonly string[];
}

export interface IncidentAction {
  readonly kind: 'renew' | 'reload';
  readonly account?: string;
  readonly reserve?: boolean;
}
