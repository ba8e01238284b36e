import type { Attachment } from '../../src/flows/attach.ts';

/** An attachment that has only these parts. */
export function attachmentWith(parts: Partial<Attachment>): Attachment {
  return { headers: [], query: [], cookies: [], path: '', body: [], signing: undefined, secrets: [], ...parts };
}
