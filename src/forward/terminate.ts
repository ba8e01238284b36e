import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';
import { newestRequest } from '../http/server/one-at-a-time.ts';

/** A client may take this long for the TLS handshake. ms. */
const HANDSHAKE_MS = 10_000;

/** Who leaves so soon after the handshake, without a request, does not trust the certificate. ms. */
const LEAVES_AT_ONCE_MS = 1_000;

/** Why a handshake within a tunnel failed. */
export type HandshakeFailure = 'untrusted' | 'other name' | 'broken';

/** A certificate with its chain and its key, PEM. */
interface Keyed {
  readonly cert: string;
  readonly key: string;
}

const contexts = new WeakMap<Keyed, SecureContext>();

/**
 * Ends a client's TLS in this process, as the server of `host`. A client that names another server is refused: what it
 * believes to talk to must be what it asked the proxy for. `failed` may be called after `secure`: with `untrusted`.
 */
export function terminateTls(
  socket: Socket,
  host: string,
  keyed: Keyed,
  done: { readonly secure: (tls: TLSSocket) => void; readonly failed: (why: HandshakeFailure) => void },
): void {
  let context = contexts.get(keyed);
  if (context === undefined) {
    context = createSecureContext({ ...keyed, minVersion: 'TLSv1.2' });
    contexts.set(keyed, context);
  }
  let why: HandshakeFailure = 'broken';
  let leaving: HandshakeFailure = 'broken';
  const tls = new TLSSocket(socket, {
    isServer: true,
    secureContext: context,
    ALPNProtocols: ['http/1.1'],
    SNICallback: (name, answer) => {
      if (name.toLowerCase().replace(/\.$/, '') === host) {
        // Who leaves without a word once it has the certificate does not trust it: so does Node's own client.
        leaving = 'untrusted';
        return answer(null, context);
      }
      why = 'other name';
      return answer(new Error('another server name'));
    },
  });
  let isOver = false;
  const timer = setTimeout(() => {
    leaving = 'broken';
    socket.destroy();
  }, HANDSHAKE_MS);
  const failed = (error?: NodeJS.ErrnoException): void => {
    if (isUntrusted(error)) why = 'untrusted';
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    done.failed(why);
    // The client gets the alert that says why.
    socket.destroySoon();
  };
  tls.on('error', failed);
  tls.on('_tlsError', failed);
  const left = (): void => {
    if (why === 'broken') why = leaving;
    failed();
  };
  // Half-closed connections are kept open elsewhere; a handshake has two sides.
  tls.once('end', left);
  socket.once('close', left);
  tls.once('secure', () => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    const cut = (): void => {
      tls.destroy();
    };
    tls.off('end', left).off('error', failed).on('error', cut);
    // A connection without a tls.Server tells here, and only here, that a client renegotiates again and again.
    tls.off('_tlsError', failed).on('_tlsError', cut);
    const at = performance.now();
    tls.once('close', () => {
      socket.destroy();
      // With TLS 1.2, Node's own client completes the handshake before it looks at the certificate.
      if (newestRequest(tls) === undefined && performance.now() - at < LEAVES_AT_ONCE_MS) done.failed('untrusted');
    });
    done.secure(tls);
  });
}

/** The alerts by which a client says that it does not accept the certificate (RFC 8446 §6.2). */
function isUntrusted(error: NodeJS.ErrnoException | undefined): boolean {
  return /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|CERTIFICATE_EXPIRED)/.test(
    error?.code ?? '',
  );
}
