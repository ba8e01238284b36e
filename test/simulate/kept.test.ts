import assert from 'node:assert/strict';
import { historyOf, play } from './simulate.ts';

/** Seeds whose history once broke a rule, and why. Histories change with the actions; they are played all the same. */
const KEPT: readonly (readonly [seed: number, why: string])[] = [
  [320, 'a damaged record put every account into a loop'],
  [1076, 'a clock that was ahead emptied the count of logins'],
  [617, 'a late reply to the spend note cost a login'],
  [4346, 'a store that evicts lost the count of logins'],
  [2, 'two deployments on one store overwrote the records of each other'],
  [19, 'in two containers on one folder, a living holder of a lease counted as gone'],
  [3520, 'a spend note that was written although its reply was lost stayed, and another process logged in for it'],
  [4322, 'records were sealed with a new key during a renewal of a process that did not have it: its token was lost'],
  [12518, 'a token beside a damaged record was offered to it every two seconds, for hours'],
  [30483, 'a suspended host counted its renewals of the time before: a request failed though all was well'],
  [29689, 'the newer token that a rejection found in the store had died as well, and the client got the rejection'],
  [
    36195,
    'a refresh that may have been carried out was forgotten by the login that failed in its place, and made again',
  ],
  [52216, 'a process that stood still before a repeat sent a refresh token after the grace of the endpoint'],
  [
    73106,
    'a second renewal of a process began before the grant of the first was stored, and spent the same refresh token',
  ],
  [86807, 'a call that was taken back while another one was counted stayed counted'],
  [98289, 'between two hosts whose clocks are a day apart, no pause after a failure counted'],
  [
    100382,
    'who waited for a token newer than a rejected one that the store had lost logged in until the count caught up',
  ],
  [110432, 'a token that waited for the store dropped what a newer version had written in its record'],
  [110475, 'a request failed because another process wrote an old token back at the same moment'],
  [255192, 'of two releases of one lease the second took it from the renewal that had begun after the first'],
  [265370, 'after doubted credentials were changed, no pause after a failure counted'],
  [275759, 'a clock that was set forward emptied the own count of a process'],
  [309822, 'a host that had been suspended renewed with a lease of the time before'],
  [668314, 'an operator renewed four times in a second, because the record with the count had been removed'],
  [716250, 'whoever wanted a token newer than one whose record was removed renewed until the count had caught up'],
];

describe('histories that once broke a rule', function () {
  this.timeout(60_000);
  let { stackTraceLimit } = Error;
  before(() => {
    ({ stackTraceLimit } = Error);
    Error.stackTraceLimit = 0;
  });
  after(() => (Error.stackTraceLimit = stackTraceLimit));

  for (const [seed, why] of KEPT)
    it(`seed ${seed}: ${why}`, async () => assert.equal((await play(historyOf(seed))).violation, undefined));
});
