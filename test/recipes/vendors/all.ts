import type { AppKey } from '../signatures.ts';
import type { Vendor } from '../vendor.ts';
import { clouds } from './clouds.ts';
import { crm } from './crm.ts';
import { erp } from './erp.ts';

/** One for each recipe. `appKey`: what applications sign with. */
export function allVendors(appKey: AppKey): Vendor[] {
  return [...crm(appKey), ...erp(), ...clouds(appKey)].sort((a, b) => (a.recipe < b.recipe ? -1 : 1));
}
