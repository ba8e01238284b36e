import type { TokenObserver } from '../../src/tokens/observer.ts';

/** An observer that does nothing but what is given. */
export function observing(observer: Partial<TokenObserver>): TokenObserver {
  const ignore = (): void => undefined;
  return { renewed: ignore, suppressed: ignore, changed: ignore, storeFailed: ignore, ...observer };
}
