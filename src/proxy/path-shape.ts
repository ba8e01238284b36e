/** Segments of a path that are shown; a line of a policy includes everything below its path. */
const MAX_SEGMENTS = 8;
const MAX_SEGMENT_LENGTH = 32;
/** A word as APIs write them: `chats`, `sendMessage`, `S3`, `oauth2`. */
const WORD = /^(?:[A-Z]?[a-z]+(?:[A-Z][a-z]+)*|[A-Z]{1,8})\d{0,2}$/;
/** `v1`, `1`, `2.0`, `v2_1`. */
const VERSION = /^v?\d{1,2}(?:[._]\d{1,2})?$/;

/**
 * A path for people and for the lines of a policy: `8123` in `/v1/chats/8123` becomes `*`. Without a
 * query, and without whatever may be an identifier or a secret. Printable ASCII, whatever the client has sent.
 */
export function pathShape(path: string): string {
  return `/${shapeSegments(path).join('/')}`;
}

/** The segments of that shape. */
export function shapeSegments(path: string): string[] {
  const end = path.search(/[?#]/);
  return (end === -1 ? path : path.slice(0, end))
    .split('/', 3 * MAX_SEGMENTS)
    .filter((segment) => segment !== '')
    .slice(0, MAX_SEGMENTS)
    .map((segment) => (isPlain(segment) ? segment : '*'));
}

function isPlain(segment: string): boolean {
  if (segment.length > MAX_SEGMENT_LENGTH) return false;
  return VERSION.test(segment) || segment.split(/[._-]/).every((word) => isWord(word));
}

/** Random letters have more capitals than names have. */
function isWord(word: string): boolean {
  return WORD.test(word) && (word.length <= 8 || word.replaceAll(/[^A-Z]/g, '').length * 3 <= word.length);
}
