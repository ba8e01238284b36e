import { TokenwardError } from '../../errors.ts';

/** An error of Node's parser. */
interface ParserError extends Error {
  readonly code?: string;
  /** Bytes of `rawPacket` before the refused one. */
  readonly bytesParsed?: number;
  /** The bytes that were being parsed. */
  readonly rawPacket?: Buffer;
}

/** The same code as other invalid header sections; the status is HTTP's own for a timeout. */
class HeadTimeout extends TokenwardError {
  override readonly status: number = 408;
}

const TLS_HANDSHAKE = 0x16;

const DETAILS: Readonly<Record<string, string>> = {
  HPE_INVALID_CONSTANT:
    'the first line is not a method, a target and HTTP/1.1; a space in the target must be percent-encoded',
  HPE_INVALID_METHOD: 'the method is unknown',
  HPE_INVALID_VERSION: 'only HTTP/1.1 and HTTP/1.0 are supported, in lines that end in CR LF',
  HPE_PAUSED_H2_UPGRADE: 'only HTTP/1.1 and HTTP/1.0 are supported',
  HPE_INVALID_HEADER_TOKEN: 'a header field is malformed, or a byte in it is not allowed',
  HPE_INVALID_CONTENT_LENGTH: 'the Content-Length is not one plain number',
  HPE_UNEXPECTED_CONTENT_LENGTH: 'more than one Content-Length, or one beside Transfer-Encoding',
  HPE_INVALID_TRANSFER_ENCODING: 'a Transfer-Encoding other than chunked, or one beside Content-Length',
  HPE_INVALID_CHUNK_SIZE: 'a chunk of the body is malformed',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'a chunk of the body has too long an extension',
  HPE_STRICT: 'a line does not end in CR LF, or a byte is not allowed where it is',
  HPE_CR_EXPECTED: 'a line does not end in CR LF',
  HPE_LF_EXPECTED: 'a line does not end in CR LF',
  HPE_INVALID_EOF_STATE: 'the connection was closed in the middle of the request',
  HPE_CLOSED_CONNECTION: 'data after a request with Connection: close',
};

/**
 * The error for a request that the parser refused. It quotes nothing from the request. `headerBytes`: limit on a header
 * section. `inFirstLine`: the request line is incomplete. Undefined: not an error of the parser, so no response can be
 * sent.
 */
export function refusalOf(error: ParserError, headerBytes: number, inFirstLine: boolean): TokenwardError | undefined {
  const { code = '' } = error;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new HeadTimeout('request_malformed', { detail: 'the header section did not arrive in time' });
  if (code === 'HPE_HEADER_OVERFLOW')
    return new TokenwardError(inFirstLine || isInTarget(error) ? 'target_too_long' : 'headers_too_large', {
      detail:
        `the request line and the header fields together are limited to ${headerBytes} bytes ` + '(limits.headerBytes)',
    });
  if (!/^(HPE_|ERR_HTTP_)/.test(code)) return undefined;
  const detail =
    code === 'HPE_INVALID_URL'
      ? targetDetail(error)
      : code === 'HPE_INVALID_METHOD' && byteAt(error) === TLS_HANDSHAKE
        ? 'this port serves HTTP without TLS'
        : DETAILS[code];
  return new TokenwardError('request_malformed', detail === undefined ? {} : { detail });
}

function targetDetail(error: ParserError): string {
  const byte = byteAt(error);
  return byte !== undefined && byte >= 0x80
    ? 'a byte of the target must be percent-encoded: it holds letters beyond ASCII'
    : 'the target is not a path, or a byte of it must be percent-encoded';
}

/** The byte that the parser refused. */
function byteAt({ rawPacket, bytesParsed = 0 }: ParserError): number | undefined {
  return rawPacket?.[bytesParsed];
}

/** Whether the limit was reached within the request line: it begins in this packet, or its rest is here. */
function isInTarget({ rawPacket, bytesParsed = 0 }: ParserError): boolean {
  if (rawPacket === undefined) return false;
  const before = rawPacket.toString('latin1', 0, bytesParsed);
  return (
    /^[A-Z]+ [^ ]*$/.test(before.slice(before.lastIndexOf('\n') + 1)) ||
    rawPacket.toString('latin1', bytesParsed, bytesParsed + 8) === ' HTTP/1.'
  );
}
