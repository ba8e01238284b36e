/** The ways in which some bytes may arrive: in one piece, byte by byte, and in two pieces, cut in each place. */
export function cutsOf(text: string): Buffer[][] {
  const bytes = Buffer.from(text, 'latin1');
  const cuts = [[bytes], Array.from(bytes, (byte) => Buffer.from([byte]))];
  for (let at = 1; at < bytes.length; at += 1) cuts.push([bytes.subarray(0, at), bytes.subarray(at)]);
  return cuts;
}
