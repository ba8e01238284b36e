/** One challenge of a field WWW-Authenticate. */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** Names in lower case, values without quotes and backslashes. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
/** Wider than a token: servers send base64 without quotes. */
const UNQUOTED = /[^\s",]+/y;

/**
 * The challenges of a field (RFC 9110 §11.6.1), several of which share one line and the commas of their parameters.
 * What is malformed ends the list. http-auth-utils is no help here: it knows one challenge, takes an escaped quote for
 * the end, and refuses parameters of RFC 7616 such as charset and userhash.
 */
export function parseChallenges(field: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const skip = (characters: string): void => {
    while (at < field.length && characters.includes(field[at]!)) at += 1;
  };
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(field);
    if (found === null) return undefined;
    at = pattern.lastIndex;
    return found[1] ?? found[0];
  };
  for (;;) {
    skip(' \t,');
    const name = take(TOKEN);
    if (name === undefined) return challenges;
    skip(' \t');
    if (field[at] !== '=') {
      challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
      const begin = at;
      // Instead of parameters a scheme may have a token68, whose only "=" are at its end.
      const token = take(UNQUOTED);
      skip(' \t');
      if (token !== undefined && ((at < field.length && field[at] !== ',') || /=[^=]/.test(token))) at = begin;
      continue;
    }
    at += 1;
    skip(' \t');
    const quoted = take(QUOTED);
    const value = quoted === undefined ? take(UNQUOTED) : quoted.replaceAll(/\\(.)/gs, '$1');
    const parameters = challenges.at(-1)?.parameters;
    if (value === undefined || parameters === undefined) return challenges;
    if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value);
  }
}
