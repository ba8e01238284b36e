import type { Request } from 'express';
import { ACCOUNT_STATUS_NAMES, type AccountStatusName } from '../tokens/status.ts';
import type { AccountQuery } from './account-list.ts';

const DEFAULT_SIZE = 50;
const MAX_SIZE = 200;

/** Parses a query of /accounts. Undefined: it is malformed. */
export function parseAccountQuery({ query }: Request): AccountQuery | undefined {
  const { state, q = '', page, size, ...others } = query;
  const states = state === undefined ? [] : [state].flat();
  const pageNumber = numberIn(page, 1, 1_000_000);
  const pageSize = numberIn(size, DEFAULT_SIZE, MAX_SIZE);
  if (
    !states.every(isStateName) ||
    typeof q !== 'string' ||
    pageNumber === undefined ||
    pageSize === undefined ||
    Object.keys(others).length > 0
  ) {
    return undefined;
  }
  return { states: new Set(states), text: q.trim().toLowerCase().slice(0, 200), page: pageNumber, size: pageSize };
}

function isStateName(value: unknown): value is AccountStatusName {
  return ACCOUNT_STATUS_NAMES.some((name) => name === value);
}

function numberIn(value: unknown, unset: number, max: number): number | undefined {
  if (value === undefined) return unset;
  if (typeof value !== 'string' || !/^\d{1,7}$/.test(value)) return undefined;
  const number = Number(value);
  return number >= 1 && number <= max ? number : undefined;
}
