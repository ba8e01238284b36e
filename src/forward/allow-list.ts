import type { ConnectTarget } from './authority-form.ts';

/** `example.com`, `*.example.com` (every name below it) or `*`, each with a port or with 443. */
const ENTRY = /^(?:\[([0-9A-Fa-f:.]+)\]|(\*|(?:\*\.)?[A-Za-z0-9._-]+))(?::(\d{1,5}))?$/;

/** Recognises the targets of `listen.forward.tunnel`, whose entries have been checked. */
export function allowList(entries: readonly string[]): (target: ConnectTarget) => boolean {
  const rules = entries.map((entry) => {
    const [, v6, name, port] = ENTRY.exec(entry) ?? [];
    return { name: (v6 ?? name ?? '').toLowerCase(), port: Number(port ?? 443) };
  });
  return ({ host, port }) =>
    rules.some(
      (rule) =>
        rule.port === port &&
        (rule.name === '*' || rule.name === host || (rule.name.startsWith('*.') && host.endsWith(rule.name.slice(1)))),
    );
}
