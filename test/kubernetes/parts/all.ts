import type { Part } from '../part.ts';
import { api } from './api.ts';
import { clients } from './clients.ts';
import { golden } from './golden.ts';
import { matrix } from './matrix.ts';
import { packets } from './packets.ts';
import { rolling } from './rolling.ts';

/** In the order in which they run. */
export const PARTS: readonly Part[] = [golden, matrix, packets, clients, rolling, api];
