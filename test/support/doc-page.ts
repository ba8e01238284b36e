import { readFileSync } from 'node:fs';

/** A block of code on a page. */
export interface Block {
  /** The word behind the three backticks: sh, yaml, text and so on. */
  readonly language: string;
  readonly text: string;
}

/** The blocks of code on a page, in its order. */
export function blocksOf(page: string): Block[] {
  const blocks = readFileSync(page, 'utf8').matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm);
  return [...blocks].map(([, language, text]) => ({ language: language!, text: text! }));
}

/** The blocks of one language. */
export function textsOf(page: string, language: string): string[] {
  return blocksOf(page)
    .filter((block) => block.language === language)
    .map(({ text }) => text);
}

/** A page without its blocks of code, and with a single space for any white space. */
export function proseOf(page: string): string {
  return readFileSync(page, 'utf8')
    .replaceAll(/^```[\s\S]*?^```$/gm, '')
    .replaceAll(/\s+/g, ' ');
}

/**
 * Which lines of an expected output are not in the output. Numbers stand for any number, `…` for any text, and white
 * space for any white space: ports, times and widths of columns differ from run to run.
 */
export function missingLines(expected: string, output: string): string[] {
  return expected.split('\n').filter((line) => {
    const pattern = line
      .trim()
      .replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll(/\d+/g, String.raw`\d+`)
      .replaceAll('…', '.*')
      .replaceAll(/\s+/g, String.raw`\s+`);
    return !new RegExp(pattern).test(output);
  });
}
