import type { SendTokenCall } from '../flows/run.ts';
import { clientTls } from '../http/tls.ts';
import type { SenderFor } from './credentials.ts';
import { tokenCallSender } from './token-endpoint-client.ts';

/** One sender for each set of TLS files: their connections are shared. */
export function senders(override: SendTokenCall | undefined, via: (origin: string) => string): SenderFor {
  const made = new Map<string, SendTokenCall>();
  return (tls) => {
    const key = JSON.stringify(tls ?? null);
    let sender = made.get(key);
    if (sender === undefined) made.set(key, (sender = override ?? tokenCallSender(clientTls(tls), via)));
    return sender;
  };
}
