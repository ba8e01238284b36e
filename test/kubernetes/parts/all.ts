import type { Part } from '../part.ts';
import { api } from './api.ts';
import { packets } from './packets.ts';

/** In the order in which they run. */
export const PARTS: readonly Part[] = [packets, api];
