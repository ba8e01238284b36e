/*
 * Names of credentials and of fields of a login that are no secrets. What has neither such a name nor that of a secret
 * may be one: "pass", "passcode", "Kennwort".
 */

/** Constants of an API: the same for all its clients. */
const CONSTANT = new RegExp(
  '^(grant_?type|response_?type|scopes?|audience|resource|type|lang(uage)?|locale|remember(_?me)?|format|version|' +
    'action|method|provider|device_?type|platform|client_?(version|auth)|operation_?name|source|channel|realm|' +
    'strategy|token_?type|ttl|expires?_?in|validity|region|service|host|.*ur[il])$',
  'i',
);
/** Those who log in. */
const IDENTITY = new RegExp(
  '(user|login|e?mail|phone|mobile|account|tenant|company|customer|organi[sz]ation|workspace|domain|shop|store|' +
    'merchant|partner|instance|project|member|agent|operator|(^|[_-])id|I[dD])' +
    '([_-]?(name|id|no|number|code|address))?$',
);
const IDENTITY_ANY_CASE = new RegExp(IDENTITY.source.replace('|(^|[_-])id|I[dD]', '|(^|[_-])id'), 'i');

export function isConstantName(name: string): boolean {
  return CONSTANT.test(name);
}

export function isIdentityName(name: string): boolean {
  return IDENTITY.test(name) || IDENTITY_ANY_CASE.test(name);
}
