/** The option of every command that reads a configuration. */
export interface ConfigOptions {
  readonly config?: string | undefined;
}

/** The path of the configuration. */
export function configFile(options: ConfigOptions): string {
  return options.config ?? process.env['TOKENWARD_CONFIG'] ?? 'proxy.config.yaml';
}

/** Writes to standard output. */
export function print(text: string): void {
  process.stdout.write(text);
}
