/** Everything an RFC 6901 pointer leads to; `*` stands for every element of an array. Own properties only. */
export function pointed(value: unknown, pointer: string): unknown[] {
  let found: unknown[] = [value];
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const next: unknown[] = [];
    for (const item of found) {
      if (Array.isArray(item)) {
        // Not `push(...item)`: a list of more than some 100,000 items does not fit on the stack.
        if (key === '*') for (const one of item as unknown[]) next.push(one);
        else if (/^\d+$/.test(key) && Number(key) < item.length) next.push(item[Number(key)]);
      } else if (typeof item === 'object' && item !== null && Object.hasOwn(item, key)) {
        next.push((item as Record<string, unknown>)[key]);
      }
    }
    found = next;
  }
  return found;
}
