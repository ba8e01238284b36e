import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';

/** A client may take this long for the TLS handshake. ms. */
const HANDSHAKE_MS = 10_000;

/** Why a handshake within a tunnel failed. */
export type HandshakeFailure = 'untrusted' | 'other name' | 'broken';

/** A certificate with its chain and its key, PEM. */
interface Keyed {
  readonly cert: string;
  readonly key: string;
}

const contexts = new WeakMap<Keyed, SecureContext>();

/**
 * Ends a client's TLS in this process, as the server of `host`. Exactly one of the two is called. A client that names
 * another server is refused: what it believes to talk to must be what it asked the proxy for.
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
  const tls = new TLSSocket(socket, {
    isServer: true,
    secureContext: context,
    ALPNProtocols: ['http/1.1'],
    SNICallback: (name, answer) => {
      if (name.toLowerCase().replace(/\.$/, '') === host) return answer(null, context);
      why = 'other name';
      return answer(new Error('another server name'));
    },
  });
  let isOver = false;
  const timer = setTimeout(() => socket.destroy(), HANDSHAKE_MS);
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
  socket.once('close', () => failed());
  tls.once('secure', () => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    tls.off('error', failed).on('error', () => tls.destroy());
    tls.once('close', () => socket.destroy());
    done.secure(tls);
  });
}

/** The alerts by which a client says that it does not accept the certificate (RFC 8446 §6.2). */
function isUntrusted(error: NodeJS.ErrnoException | undefined): boolean {
  return /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|CERTIFICATE_EXPIRED)/.test(
    error?.code ?? '',
  );
}
