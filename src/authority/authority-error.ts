/** There is no usable authority, or it may not sign for a host. The message is for the operator. */
export class AuthorityError extends Error {
  override readonly name = 'AuthorityError';
}
