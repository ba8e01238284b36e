import type { Attach } from './schema/attach.ts';
import type { LegacyLogin } from './schema/legacy-login.ts';
import { textsOfLegacyLogin } from './schema/legacy-login.ts';
import { placeholdersIn } from './template.ts';

/** The placeholder for a stand-in that says whose it is. It has no value where none can be issued. */
export const STAND_IN_NAME = 'standIn';

/** Whether a response to a login brings one. */
export function bringsStandIn(login: LegacyLogin): boolean {
  const { answer, make } = textsOfLegacyLogin(login);
  return [...answer, ...make].some(([, text]) => placeholdersIn(text).some(({ name }) => name === STAND_IN_NAME));
}

/**
 * The field that carries the token alone, with what stands before and behind it: an application sends its stand-in
 * there. Undefined: there is none.
 */
export function fieldOfToken(attach: Attach): { header: string; before: string; behind: string } | undefined {
  for (const part of attach) {
    if (!('header' in part)) continue;
    const [before, behind, ...more] = part.value.split('{token}');
    const isAlone = behind !== undefined && more.length === 0 && placeholdersIn(before! + behind).length === 0;
    if (isAlone) return { header: part.header.toLowerCase(), before: before!, behind };
  }
  return undefined;
}
