import type { BodyStream, InboundRequest } from '../http/server/exchange.ts';
import { canSendAgain, releaseBody, type ExpectedBody, type RequestBody, type Upload } from '../http/message.ts';
import { bodyTooLarge, type BodyLimits } from './body-limits.ts';
import { readBody } from './request-body.ts';
import { BufferedUpload } from './streamed-body.ts';

/**
 * The body of a client that waits for 100 Continue, if it may be too large to keep. Undefined: it is to be read at
 * once, because it is sent again from memory if need be. Throws a TokenwardError if it is too large altogether.
 * `sendContinue` is called when the body is wanted.
 */
export function expectBody(
  request: InboundRequest,
  limits: BodyLimits,
  sendContinue: () => void,
): ExpectedBody | undefined {
  const source = request.bodySource;
  if (source === 'none' || Buffer.isBuffer(source) || request.complete) return undefined;
  const length = declaredLength(source);
  if (length !== undefined) {
    if (length > limits.maxBytes) throw bodyTooLarge(limits.maxBytes);
    if (length <= limits.maxBufferedBytes) return undefined;
  }
  return new BodyOnDemand(request, length, limits, sendContinue);
}

function declaredLength({ headers }: BodyStream): number | undefined {
  const declared = headers['content-length'];
  return declared === undefined ? undefined : Number(declared);
}

class BodyOnDemand implements ExpectedBody {
  readonly kind = 'expected';
  readonly length: number | undefined;
  readonly #request: InboundRequest;
  readonly #limits: BodyLimits;
  readonly #sendContinue: () => void;
  #received: Promise<RequestBody> | undefined;
  #body: RequestBody | undefined;
  #released = false;

  constructor(request: InboundRequest, length: number | undefined, limits: BodyLimits, sendContinue: () => void) {
    this.#request = request;
    this.length = length;
    this.#limits = limits;
    this.#sendContinue = sendContinue;
  }

  get asked(): boolean {
    return this.#received !== undefined;
  }

  get whole(): boolean {
    return !this.asked || (this.#body !== undefined && canSendAgain(this.#body));
  }

  ask(): void {
    // Whoever reads the body gets the error.
    if (!this.asked) this.#receive().catch(() => undefined);
  }

  open(): Upload {
    return new ReceivedUpload(this.#receive());
  }

  release(): void {
    this.#released = true;
    if (this.#body !== undefined) releaseBody(this.#body);
  }

  #receive(): Promise<RequestBody> {
    return (this.#received ??= this.#read());
  }

  async #read(): Promise<RequestBody> {
    this.#sendContinue();
    const body = await readBody(this.#request, this.#limits);
    this.#body = body;
    if (this.#released) releaseBody(body);
    return body;
  }
}

/** A body that has yet to be received, as far as it is kept. */
class ReceivedUpload implements Upload {
  kept = true;
  readonly #received: Promise<RequestBody>;
  #upload: Upload | undefined;
  #stopped = false;

  constructor(received: Promise<RequestBody>) {
    this.#received = received;
  }

  async next(): Promise<Buffer | undefined> {
    this.#upload ??= this.#open(await this.#received);
    return this.#upload.next();
  }

  stop(): void {
    this.#stopped = true;
    this.#upload?.stop();
  }

  #open(body: RequestBody): Upload {
    const upload = uploadOf(body);
    this.kept = upload.kept;
    if (this.#stopped) upload.stop();
    return upload;
  }
}

function uploadOf(body: RequestBody): Upload {
  if (body.kind === 'buffered') return new BufferedUpload(body.chunks, true);
  return body.kind === 'none' ? new BufferedUpload([], true) : body.open();
}
