import { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Express } from 'express';
import { hasBody } from '../framing.ts';
import type { BodySource, BodyStream, InboundRequest } from './exchange.ts';

/** A new Express application that adds no header fields of its own. */
export function createExpress(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  return app;
}

/**
 * Classes whose objects already have the prototype that Express would set. They must be real subclasses: with a plain
 * function as `new.target`, V8 makes a new hidden class for every object, and no inline cache hits.
 */
export function expressClasses(app: Express): {
  IncomingMessage: typeof IncomingMessage;
  ServerResponse: typeof ServerResponse;
} {
  class Request extends IncomingMessage implements BodyStream, InboundRequest {
    bodySink: BodyStream['bodySink'] = undefined;
    receivedBytes = 0;
    validated = false;

    override push(piece: Buffer | null, encoding?: BufferEncoding): boolean {
      const { bodySink } = this;
      if (piece !== null) this.receivedBytes += piece.length;
      bodySink?.(piece);
      return bodySink === undefined || piece === null ? super.push(piece, encoding) : true;
    }

    get expectsContinue(): boolean {
      return this.httpVersion === '1.1' && this.headers.expect !== undefined;
    }

    get bodySource(): BodySource {
      return hasBody(this.headers) ? this : 'none';
    }

    field(name: string): string | string[] | undefined {
      return this.headers[name];
    }

    discardBody(done: () => void): void {
      if (this.complete || this.destroyed) done();
      else this.on('end', done).on('close', done).on('error', done).resume();
    }
  }
  class Response<R extends IncomingMessage> extends ServerResponse<R> {}
  app.request = Object.setPrototypeOf(Request.prototype, app.request) as Express['request'];
  app.response = Object.setPrototypeOf(Response.prototype, app.response) as Express['response'];
  return { IncomingMessage: Request, ServerResponse: Response };
}
