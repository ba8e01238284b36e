import type { Request } from 'express';
import type { ReadinessWishes } from './readiness.ts';

/** What a query of /readyz asks for. Undefined: it is none. */
export function wishesOf({ query }: Request): ReadinessWishes | undefined {
  const { account, 'min-ready': least, store, ...others } = query;
  const accounts = account === undefined ? [] : [account].flat();
  const minReady =
    least === undefined ? undefined : typeof least === 'string' && /^\d{1,9}$/.test(least) ? Number(least) : NaN;
  const right =
    accounts.every((one) => typeof one === 'string') &&
    !Number.isNaN(minReady) &&
    (store === undefined || store === 'optional') &&
    Object.keys(others).length === 0;
  return right ? { accounts, minReady, storeOptional: store === 'optional' } : undefined;
}
