import { callOperator, notTheOperatorPort } from './operator-client.ts';
import { operatorAddress, type OperatorOptions } from './operator-options.ts';
import { print } from './options.ts';

/**
 * `tokenward reload`: a running one reads its configuration again. Throws an OperatorError with every mistake if the
 * configuration was refused; then nothing has changed.
 */
export async function reload(options: OperatorOptions): Promise<void> {
  const { url, key } = operatorAddress(options);
  const { changes } = (await callOperator(`${url}/reload`, 'POST', key)) as { changes?: readonly string[] };
  if (!Array.isArray(changes)) throw notTheOperatorPort(url);
  const lines = changes.map((change: string) => `  ${change}\n`);
  print(lines.length === 0 ? 'Reloaded; nothing has changed.\n' : `Reloaded:\n${lines.join('')}`);
}
