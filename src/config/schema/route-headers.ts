import { z } from 'zod';
import { headerName } from '../../flows/flow.ts';
import {
  HOP_BY_HOP,
  METHOD_OVERRIDES,
  nameMatcher,
  SET_BY_TOKENWARD,
  TARGET_OVERRIDES,
} from '../../http/field-names.ts';

/** Framing, the connection, and the codings in which responses can be inspected are not set by a route. */
const isReserved = nameMatcher([...HOP_BY_HOP, ...SET_BY_TOKENWARD, 'accept-encoding']);
/** The policy and the refusal of logins check the request line only. */
const isOverride = nameMatcher([...METHOD_OVERRIDES, ...TARGET_OVERRIDES]);

const UNFIT =
  'holds characters that cannot be sent in a header ' +
  '(control characters or line ends, letters beyond Latin-1, or blanks at an end)';
const RESERVED = 'is set by tokenward itself, so that a route cannot add it';
const OVERRIDES = 'sets another method or target than the request line, so that a route cannot add it';

/** The header fields that a route adds to every request. */
export const routeHeadersSchema = z.record(
  headerName
    .refine((name) => !isReserved(name), { error: RESERVED, abort: true })
    .refine((name) => !isOverride(name), OVERRIDES),
  // RFC 9110 §5.5. Fields are written in Latin-1, where 0x80 to 0x9f are control characters.
  z
    .string()
    .min(1)
    .regex(/^(?![\t ])[\t\x20-\x7e\xa0-\xff]*(?<![\t ])$/, UNFIT),
);
