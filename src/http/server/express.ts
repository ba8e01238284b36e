import { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Express } from 'express';
import { hasBody } from '../framing.ts';
import type { BodySource, BodyStream, InboundRequest } from './exchange.ts';
import { protocolAskedFor } from './upgrade.ts';

/** A new Express application that adds no header fields of its own. */
export function createExpress(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  return app;
}

/** Whether a list of a field has this member, in lower case. */
function lists(value: string, member: string): boolean {
  return value.split(',').some((one) => one.trim().toLowerCase() === member);
}

/**
 * Classes whose objects already have the prototype that Express would set. They must be real subclasses: with a plain
 * function as `new.target`, V8 makes a new hidden class for every object, and no inline cache hits. `knowsProtocol`:
 * see UpgradeHandler; undefined: every request is an ordinary one.
 */
export function expressClasses(
  app: Express,
  knowsProtocol?: (protocol: string) => boolean,
): {
  IncomingMessage: typeof IncomingMessage;
  ServerResponse: typeof ServerResponse;
} {
  class Request extends IncomingMessage implements BodyStream, InboundRequest {
    bodySink: BodyStream['bodySink'] = undefined;
    receivedBytes = 0;
    validated = false;
    upgradeTo: string | undefined = undefined;
    /** Without an initializer: node:http sets it before those run. */
    declare private upgradeSeen: boolean | null;

    /**
     * node:http stores here whether the parser has seen an Upgrade or CONNECT, before the fields are there, and reads
     * it when they are: then an Upgrade counts only if it can be answered. The answer must not change later.
     */
    set upgrade(asked: boolean | null) {
      this.upgradeSeen = asked;
    }

    get upgrade(): boolean {
      if (this.upgradeSeen !== true || this.method === 'CONNECT') return this.upgradeSeen === true;
      if (knowsProtocol !== undefined) this.upgradeTo ??= protocolAskedFor(this, knowsProtocol);
      this.upgradeSeen = this.upgradeTo !== undefined;
      return this.upgradeSeen;
    }

    override push(piece: Buffer | null, encoding?: BufferEncoding): boolean {
      const { bodySink } = this;
      if (piece !== null) this.receivedBytes += piece.length;
      bodySink?.(piece);
      return bodySink === undefined || piece === null ? super.push(piece, encoding) : true;
    }

    get expectsContinue(): boolean {
      return this.httpVersion === '1.1' && this.headers.expect !== undefined;
    }

    get takesTrailers(): boolean {
      const { te, connection = '' } = this.headers;
      if (te === undefined || this.httpVersion !== '1.1') return false;
      return lists(String(te), 'trailers') && lists(connection, 'te');
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
