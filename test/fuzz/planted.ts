/** A reader with a fault behind four checks, each of which only coverage tells apart from a failure. */
export function readPlanted(bytes: Buffer): string {
  if (bytes[0] !== 0x46) return 'none';
  if (bytes[1] !== 0x55) return 'F';
  if (bytes[2] !== 0x5a) return 'FU';
  if (bytes[3] !== 0x21) return 'FUZ';
  throw new Error('the planted fault');
}
