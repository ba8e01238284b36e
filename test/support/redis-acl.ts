import { readFileSync } from 'node:fs';

/**
 * The user that docs/redis.md recommends, with this password and prefix in place of the page's own: a line of Redis's
 * ACL file.
 */
export function documentedUser(password: string, prefix: string): string {
  const [, rule] = /^(user tokenward on .*)$/m.exec(readFileSync('docs/redis.md', 'utf8')) ?? [];
  if (rule === undefined) throw new Error('docs/redis.md has no ACL rule');
  return rule.replace('>THE-PASSWORD', `>${password}`).replaceAll('tokenward:*', `${prefix}:*`);
}
