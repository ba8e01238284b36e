import type { TokenItem } from './item.ts';
import { bytesOf, CLOSE, type Pieces } from './pieces.ts';
import { RawServer, type Arrival } from './raw-server.ts';

/** The token endpoints of all accounts, on bare sockets. Every token it gives is new. */
export class TokenEndpoint {
  readonly server: RawServer;
  readonly #items: ReadonlyMap<string, TokenItem>;
  /** Bodies of the calls, by the path's last segment but for the vendors', which go by their name. */
  readonly #calls = new Map<string, string[]>();
  readonly #last = new Map<string, string>();

  constructor(items: readonly TokenItem[]) {
    this.#items = new Map(items.map((item) => [item.id, item]));
    this.server = new RawServer((arrival) => this.#answer(arrival));
  }

  /** Calls made for an account, as their bodies. */
  calls(account: string): readonly string[] {
    return this.#calls.get(account) ?? [];
  }

  /** The token an account was given last. */
  last(account: string): string | undefined {
    return this.#last.get(account);
  }

  #answer({ request }: Arrival): Pieces {
    const [, kind, name = ''] = request.target.split('/');
    const account = kind === 'token' ? name : (kind ?? '');
    const calls = this.#calls.get(account) ?? [];
    this.#calls.set(account, calls);
    calls.push(request.body.toString('latin1'));
    const token = `${account}-token-${calls.length}`;
    const item = this.#items.get(account);
    if (item !== undefined && calls.length === (item.call === 'login' ? 1 : 2))
      return this.#filled(item.reply, request.target);
    this.#last.set(account, token);
    const refresh = `${account}-refresh-${calls.length}`;
    if (kind === 'chatapp')
      return json({
        success: true,
        data: {
          accessToken: token,
          refreshToken: refresh,
          accessTokenEndTime: Math.floor(Date.now() / 1000) + 86_400,
          refreshTokenEndTime: Math.floor(Date.now() / 1000) + 864_000,
        },
      });
    if (kind === 'softline') return json({ token, refresh_token: refresh });
    if (item?.call === 'refresh')
      return json({ access_token: token, refresh_token: 'first-refresh', expires_in: 3_600 });
    return json({ access_token: token, token_type: 'Bearer', expires_in: 86_400 });
  }

  /** Addresses that are known only now. */
  #filled(reply: Pieces, target: string): Pieces {
    const fill = (text: string): string =>
      text
        .replace('{port}', String(this.server.port))
        .replace('{self}', `http://127.0.0.1:${this.server.port}${target}`);
    return reply.map((piece) =>
      typeof piece === 'string'
        ? fill(piece)
        : Buffer.isBuffer(piece) && piece.length < 1_000
          ? bytesOf(fill(piece.toString('latin1')))
          : piece,
    );
  }
}

function json(value: unknown): Pieces {
  const body = JSON.stringify(value);
  return [
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    CLOSE,
  ];
}
