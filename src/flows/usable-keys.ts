import type { Flow } from './flow.ts';
import { checkKeyOf } from './make.ts';
import type { Make } from './make-schema.ts';
import type { Oauth } from './oauth/schema.ts';
import { checkSigningKey } from './oauth/signing-key.ts';
import { checkAws4 } from './sign/aws4.ts';
import { DigestSession } from './sign/digest-session.ts';
import { hmacKey } from './sign/hmac.ts';
import { oauth1Signer } from './sign/oauth1.ts';
import type { Sign } from './sign/schema.ts';
import { fillString, MissingValueError, placeholdersIn, UnfillableError, type TemplateValues } from './template.ts';

/*
 * Keys and other credentials of `make`, `sign` and `oauth` that no signature can be made with, found without making
 * one.
 */

/** What cannot be used. `message` names it as the flow does, and repeats no value. */
export interface KeyProblem {
  /** The place in the flow. */
  readonly place: readonly (string | number)[];
  /** The names of the values of which it is made. */
  readonly names: readonly string[];
  readonly message: string;
}

/** Stands for a text that is known after a login only, where any text will do. */
const ANY = 'x';

/** Whether a text, or several together, can be judged now. */
type IsKnown = (...texts: readonly (string | undefined)[]) => boolean;

/** For keys that the configuration itself contains, rather than a credential. */
export const isWritten: IsKnown = (...texts) => texts.every((text) => placeholdersIn(text ?? '').length === 0);

/** The problems of a flow's keys with these values, among those texts that are known. */
export function keyProblems(
  flow: Pick<Flow, 'attach'> & Partial<Pick<Flow, 'make' | 'login' | 'refresh' | 'oauth'>>,
  values: TemplateValues,
  isKnown: IsKnown,
): KeyProblem[] {
  const makes: [place: (string | number)[], make: Make | undefined][] = [[['make'], flow.make]];
  for (const kind of ['login', 'refresh'] as const)
    (flow[kind] ?? []).forEach(({ make }, index, all) =>
      makes.push([[kind, ...(all.length === 1 ? [] : [index]), 'make'], make]),
    );
  return [
    ...makes.flatMap(([place, make]) => problemsOfMake(make ?? {}, place, values, isKnown)),
    ...(flow.oauth === undefined ? [] : problemsOfOauth(flow.oauth, values, isKnown)),
    ...flow.attach.flatMap((part, index) =>
      'sign' in part
        ? problemsOfSign(part, ['attach', ...(flow.attach.length === 1 ? [] : [index])], values, isKnown)
        : [],
    ),
  ];
}

function problemsOfMake(
  make: Make,
  place: readonly (string | number)[],
  values: TemplateValues,
  isKnown: IsKnown,
): KeyProblem[] {
  return Object.entries(make).flatMap(([name, one]) => {
    const kind = one.jwt === undefined ? 'hmac' : 'jwt';
    const { key } = one[kind] ?? {};
    if (key === undefined || !isKnown(key)) return [];
    const certificate = isKnown(one.jwt?.certificate) ? one.jwt?.certificate : undefined;
    const at = [...place, name, kind];
    const message = problemOf(() => checkKeyOf(one, certificate, at.join('.'), values));
    if (message === undefined) return [];
    const isOfCertificate = message.startsWith(`${at.join('.')}.certificate`);
    return [
      {
        place: [...at, isOfCertificate ? 'certificate' : 'key'],
        names: namesIn(isOfCertificate ? certificate! : key),
        message,
      },
    ];
  });
}

/** Of the key that signs a client's assertions, if it is used. */
function problemsOfOauth(
  { key, alg, kid, certificate, clientAuth }: Oauth,
  values: TemplateValues,
  isKnown: IsKnown,
): KeyProblem[] {
  if (key === undefined || !isKnown(key, alg, clientAuth)) return [];
  const message = problemOf(() => {
    const fill = (text = ''): string => fillString(text, values);
    const [way, filled] = [fill(clientAuth), fill(key)];
    if (way !== 'private_key_jwt' && (way !== 'auto' || filled === '')) return;
    checkSigningKey({
      key: filled,
      alg: fill(alg),
      kid: isKnown(kid) ? fill(kid) : '',
      certificate: isKnown(certificate) ? fill(certificate) : '',
    });
  });
  if (message === undefined) return [];
  const isOfCertificate = message.startsWith('certificate ');
  const place = isOfCertificate ? 'certificate' : 'key';
  return [
    {
      place: ['oauth', place],
      names: namesIn(isOfCertificate ? certificate! : key),
      message: message.startsWith(`${place} `) ? `oauth.${message}` : `oauth: ${message}`,
    },
  ];
}

function problemsOfSign(
  sign: Sign,
  place: readonly (string | number)[],
  values: TemplateValues,
  isKnown: IsKnown,
): KeyProblem[] {
  const message = problemOf(() => checkSign(sign, values, isKnown));
  if (message === undefined) return [];
  const [field = ''] = message.split(' ', 1);
  const text: unknown = Object.entries(sign).find(([key]) => key === field)?.[1];
  return [
    {
      place: typeof text === 'string' ? [...place, field] : place,
      names: typeof text === 'string' ? namesIn(text) : [],
      message,
    },
  ];
}

/** Throws an UnfillableError for what cannot be used. */
function checkSign(sign: Sign, values: TemplateValues, isKnown: IsKnown): void {
  const known = <T extends string | undefined>(text: T): T | typeof ANY =>
    text === undefined || isKnown(text) ? text : ANY;
  switch (sign.sign) {
    case 'aws4':
      checkAws4(
        {
          ...sign,
          region: known(sign.region),
          service: known(sign.service),
          key: known(sign.key),
          secret: known(sign.secret),
          sessionToken: known(sign.sessionToken),
        },
        values,
      );
      return;
    case 'digest':
      new DigestSession({ ...sign, user: known(sign.user), password: known(sign.password) }, values);
      return;
    case 'hmac':
      if (isKnown(sign.key)) hmacKey(sign, values);
      return;
    case 'oauth1':
      if (!isKnown(sign.privateKey)) return;
      oauth1Signer(
        {
          ...sign,
          consumerKey: known(sign.consumerKey),
          consumerSecret: known(sign.consumerSecret),
          token: known(sign.token),
          tokenSecret: known(sign.tokenSecret),
          realm: known(sign.realm),
        },
        values,
        () => ANY,
      );
  }
}

/** A value that is missing has been reported, or is brought by an answer. */
function problemOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (!(error instanceof UnfillableError)) throw error;
    return error instanceof MissingValueError ? undefined : error.message;
  }
}

function namesIn(text: string): string[] {
  return [...new Set(placeholdersIn(text).map(({ name }) => name))];
}
