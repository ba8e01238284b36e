import type { Exchange } from '../exchange.ts';
import type { Fields, Json } from '../json.ts';

/** A request for one of a vendor's operations. */
interface OperationRequest {
  /** The parts of the path, by name. */
  readonly path: Readonly<Record<string, string>>;
  /** The body, if it is a JSON object. */
  readonly fields: Fields | undefined;
  readonly x: Exchange;
}

/** What comes of a request: JSON, which the vendor wraps in its envelope, or that it is invalid. */
type CarryOut = (request: OperationRequest) => Json | InvalidRequest;

/** One of a vendor's own API operations. */
export interface Operation {
  readonly method: string;
  readonly path: RegExp;
  /** It does something that must not happen twice. */
  readonly applies: boolean;
  readonly carryOut: CarryOut;
}

/** A request is refused by validation; the vendor words it. */
export class InvalidRequest {
  readonly message: string;

  constructor(message = 'Invalid request.') {
    this.message = message;
  }
}

/** An operation that changes nothing, whatever its method: `GET /orders/{id}`. */
export function reads(line: string, carryOut: CarryOut): Operation {
  return operation(line, false, carryOut);
}

/** An operation that must not happen twice: `POST /orders/{id}/refund`. */
export function writes(line: string, carryOut: CarryOut): Operation {
  return operation(line, true, carryOut);
}

function operation(line: string, applies: boolean, carryOut: CarryOut): Operation {
  const [method = '', path = ''] = line.split(' ');
  return { method, path: new RegExp(`^${path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`), applies, carryOut };
}

/** True if a request carries a form with files. */
export function isMultipart(x: Exchange): boolean {
  return /^multipart\/form-data\s*;/i.test(x.req.headers['content-type'] ?? '');
}

/** Decodes one path segment; as it is if it cannot be decoded. */
export function segment(text = ''): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Digits as a number; anything else as a stable small number, so that imitated ids look like ids. */
export function idNumber(text = ''): number {
  return Number(/\d{1,15}/.exec(text)?.[0] ?? 1);
}
