import type { Request } from 'express';
import type { ReadinessQuery } from './readiness.ts';

/** Parses a query of /readyz. Undefined: it is malformed. */
export function parseReadinessQuery({ query }: Request): ReadinessQuery | undefined {
  const { account, 'min-ready': minReadyText, store, ...others } = query;
  const accounts = account === undefined ? [] : [account].flat();
  const minReady =
    minReadyText === undefined
      ? undefined
      : typeof minReadyText === 'string' && /^\d{1,9}$/.test(minReadyText)
        ? Number(minReadyText)
        : NaN;
  const isValid =
    accounts.every((one) => typeof one === 'string') &&
    !Number.isNaN(minReady) &&
    (store === undefined || store === 'optional') &&
    Object.keys(others).length === 0;
  return isValid ? { accounts, minReady, storeOptional: store === 'optional' } : undefined;
}
