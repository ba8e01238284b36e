/** From this size on it is worth it. Bytes. */
const MIN_RELEASED_BYTES = 8 * 1024;

/** Missing in the types of the oldest Node's JavaScript. */
interface Transferable {
  transfer?(length: number): unknown;
}

/**
 * A callback for a write, after which nobody needs the bytes any more: gives their memory back at once, where Node can
 * (22 and later). Left to V8, up to 80 MiB of read buffers pile up in a stream on Node 24 before it looks (measured; 30
 * MiB on Node 20). Only for bytes that have their buffer to themselves: a piece of a shared one may be followed by
 * others.
 */
export function releaseAfterWrite(bytes: Buffer): ((error?: Error | null) => void) | undefined {
  const memory = bytes.buffer as ArrayBuffer & Transferable;
  if (bytes.length < MIN_RELEASED_BYTES || bytes.length !== memory.byteLength || memory.transfer === undefined)
    return undefined;
  return (error) => {
    // After a failure the system may not be done with them.
    if (error === undefined || error === null) memory.transfer?.(0);
  };
}
