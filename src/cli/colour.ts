import { styleText } from 'node:util';

/** The colours and weights that the command line uses. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/**
 * The text in this style, if the stream shows colours: a terminal does, unless NO_COLOR is set (https://no-color.org);
 * FORCE_COLOR decides over both.
 */
export function coloured(stream: NodeJS.WriteStream, style: Style, text: string): string {
  // Node's own check would ask standard output whatever the stream.
  return hasColours(stream) ? styleText(style, text, { validateStream: false }) : text;
}

/** Whether what is written to this stream may have colours. */
export function hasColours(stream: Pick<NodeJS.WriteStream, 'isTTY'>): boolean {
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: terminal } = process.env;
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  return stream.isTTY && (no === undefined || no === '') && terminal !== 'dumb';
}
