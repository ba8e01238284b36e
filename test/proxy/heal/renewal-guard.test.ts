import assert from 'node:assert/strict';
import { RenewalGuard } from '../../../src/proxy/renewal-guard.ts';
import { FakeClock } from '../../support/clock.ts';

/**
 * What happens, one word each, to account `a` unless another is named:
 * `renewed G` a renewal led to G and the call goes out again; `untried G` the same, but it cannot be sent again;
 * `lost G` it had no answer; `refused CALL G` it was refused again; `recovered CALL G` it was not; `accepted G` another
 * call's reply; `pass S` seconds; `yes CALL G` and `no CALL G S` whether a renewal may be made for CALL with G, and if
 * not, for how many seconds; `stream-yes`, `stream-no` the same for a call that cannot be sent again.
 */
type Step = string;

function play(steps: readonly Step[]): void {
  const clock = new FakeClock();
  const ineffective = new RenewalGuard(clock);
  steps.forEach((step, at) => {
    const [word, ...rest] = step.split(' ');
    const [first = '', second = '', third = ''] = rest;
    const where = `step ${at + 1}, "${step}"`;
    switch (word) {
      case 'renewed':
        return ineffective.startTrial('a', Number(first));
      case 'untried':
        return ineffective.renewedWithoutReplay('a', Number(first));
      case 'lost':
        return ineffective.cancelTrial('a', Number(first));
      case 'refused':
        return ineffective.ineffective('a', first, Number(second));
      case 'recovered':
        ineffective.recovered('a', first, Number(second));
        return ineffective.accepted('a', Number(second));
      case 'accepted':
        return ineffective.accepted('a', Number(first));
      case 'pass':
        return clock.pass(Number(first) * 1000);
      case 'yes':
      case 'stream-yes':
        return assert.equal(ineffective.heldBack('a', first, Number(second), word === 'yes'), undefined, where);
      case 'no':
      case 'stream-no':
        return assert.equal(
          Math.round(ineffective.heldBack('a', first, Number(second), word === 'no')?.waitMs ?? 0) / 1000,
          Number(third),
          where,
        );
      default:
        throw new Error(where);
    }
  });
}

const TABLE: readonly (readonly [string, readonly Step[]])[] = [
  ['nothing is known: renew', ['yes x 1', 'stream-yes x 1']],

  [
    'a renewal in vain holds back its own call and, as nobody has accepted the token, all others',
    ['renewed 2', 'refused x 2', 'no x 2 30', 'no y 2 30', 'stream-no y 2 30'],
  ],
  ['and only its own call once somebody has', ['renewed 2', 'refused x 2', 'accepted 2', 'no x 2 30', 'yes y 2']],
  [
    'and is tried again when the pause is over',
    ['renewed 2', 'refused x 2', 'pass 29', 'no x 2 1', 'pass 1', 'yes x 2', 'yes y 2'],
  ],
  [
    'the pause doubles with each renewal in vain, up to five minutes',
    [
      'renewed 2',
      'refused x 2',
      'pass 30',
      'renewed 3',
      'refused x 3',
      'no x 3 60',
      'no y 3 60',
      'pass 60',
      'renewed 4',
      'refused x 4',
      'no y 4 120',
      'pass 120',
      'renewed 5',
      'refused x 5',
      'no y 5 240',
      'pass 240',
      'renewed 6',
      'refused x 6',
      'no y 6 300',
      'pass 300',
      'renewed 7',
      'refused x 7',
      'no x 7 300',
      'no y 7 300',
    ],
  ],
  [
    'the pause of a call doubles although other calls go well',
    ['renewed 2', 'refused x 2', 'accepted 2', 'pass 30', 'renewed 3', 'refused x 3', 'accepted 3', 'no x 3 60'],
  ],
  [
    'the pause of an account does not',
    ['renewed 2', 'refused x 2', 'accepted 2', 'pass 30', 'renewed 3', 'refused y 3', 'no z 3 30'],
  ],
  [
    'a call that a renewal recovered is forgiven',
    [
      'renewed 2',
      'refused x 2',
      'pass 30',
      'renewed 3',
      'recovered x 3',
      'pass 61',
      'renewed 4',
      'refused x 4',
      'no x 4 30',
    ],
  ],

  [
    'hundreds who learn the same of one renewal count once',
    [
      'renewed 2',
      'refused a 2',
      'refused b 2',
      'refused c 2',
      'refused d 2',
      'accepted 2',
      'yes e 2',
      'pass 30',
      'renewed 3',
      'refused e 3',
      'no f 3 30',
    ],
  ],
  [
    'also with the same call',
    [
      'renewed 2',
      'refused x 2',
      'refused x 2',
      'refused x 2',
      'no x 2 30',
      'pass 30',
      'renewed 3',
      'refused x 3',
      'no x 3 60',
    ],
  ],
  [
    'three renewals in vain for three calls, however well others go; then one in thirty seconds',
    [
      'renewed 2',
      'refused a 2',
      'accepted 2',
      'yes b 2',
      'renewed 3',
      'refused b 3',
      'accepted 3',
      'yes c 3',
      'renewed 4',
      'refused c 4',
      'accepted 4',
      'no d 4 30',
      'pass 20',
      'no d 4 10',
      'pass 10',
      'yes d 4',
      'renewed 5',
      'refused d 5',
      'accepted 5',
      'no e 5 30',
    ],
  ],
  [
    'the allowance comes back up to three',
    [
      'pass 3600',
      'renewed 2',
      'refused a 2',
      'accepted 2',
      'renewed 3',
      'refused b 3',
      'accepted 3',
      'renewed 4',
      'refused c 4',
      'accepted 4',
      'no d 4 30',
    ],
  ],

  [
    "while a fresh token is being tried, another call's refusal of it is the proof",
    ['renewed 2', 'no y 2 30', 'no x 2 30'],
  ],
  ['not once somebody has accepted it', ['renewed 2', 'accepted 2', 'yes y 2']],
  ['not when the call that tried it had no answer', ['renewed 2', 'lost 2', 'yes y 2']],
  ['the call that tried an older one says nothing about this one', ['renewed 2', 'renewed 3', 'lost 2', 'no y 3 30']],
  ['not five minutes later', ['renewed 2', 'pass 299', 'no y 2 30', 'renewed 3', 'pass 301', 'yes z 3']],
  ['not of an older token', ['renewed 2', 'yes y 1']],

  [
    'a token that nothing was sent with proves nothing: two deaths without a success hold nobody back',
    ['untried 2', 'yes y 2'],
  ],
  [
    'but what cannot be sent again would prove nothing once more, so it waits a moment',
    ['untried 2', 'stream-no y 2 2', 'pass 2', 'stream-yes y 2'],
  ],
  [
    'longer each time',
    [
      'untried 2',
      'pass 2',
      'untried 3',
      'stream-no x 3 8',
      'pass 8',
      'untried 4',
      'stream-no x 4 32',
      'pass 32',
      'untried 5',
      'stream-no x 5 128',
      'pass 128',
      'untried 6',
      'stream-no x 6 300',
    ],
  ],
  [
    'until somebody has accepted one of them',
    ['untried 2', 'pass 2', 'untried 3', 'accepted 3', 'stream-yes x 3', 'untried 4', 'stream-no x 4 2'],
  ],
  [
    'and a call that can be sent again finds out',
    ['untried 2', 'yes y 2', 'renewed 3', 'refused y 3', 'stream-no x 3 30', 'no z 3 30'],
  ],

  [
    'where renewals help, one that does not is followed by another at once',
    ['renewed 2', 'recovered x 2', 'renewed 3', 'refused x 3', 'yes x 3', 'yes y 3'],
  ],
  [
    'and pauses are short, but grow',
    [
      'renewed 2',
      'recovered x 2',
      'renewed 3',
      'refused x 3',
      'renewed 4',
      'refused x 4',
      'no x 4 0.25',
      'no y 4 0.25',
      'pass 0.25',
      'yes x 4',
      'renewed 5',
      'refused x 5',
      'no x 5 1',
      'pass 1',
      'renewed 6',
      'refused x 6',
      'no x 6 4',
    ],
  ],
  [
    'no more than five in a row',
    [
      'renewed 2',
      'recovered x 2',
      'renewed 3',
      'refused a 3',
      'renewed 4',
      'refused b 4',
      'pass 0.25',
      'renewed 5',
      'refused c 5',
      'pass 1',
      'renewed 6',
      'refused d 6',
      'pass 4',
      'yes e 6',
      'renewed 7',
      'refused e 7',
      'pass 16',
      'no f 7 9',
    ],
  ],
  [
    'what helped more than a minute ago does not count',
    ['renewed 2', 'recovered x 2', 'pass 60', 'renewed 3', 'refused x 3', 'no x 3 30'],
  ],
  [
    'what helped one and not another does not count',
    ['renewed 2', 'recovered x 2', 'refused y 2', 'no y 2 30', 'renewed 3', 'refused y 3', 'accepted 3', 'no y 3 60'],
  ],
  [
    'nor does it the other way round',
    ['renewed 2', 'refused y 2', 'recovered x 2', 'renewed 3', 'refused z 3', 'no z 3 30'],
  ],
];

describe('the memory of dead-token replies that a renewal did not cure', () => {
  for (const [name, steps] of TABLE) it(name, () => play(steps));

  it('knows whether it is the token that nobody has accepted, or one call that is refused with every token', () => {
    const ineffective = new RenewalGuard(new FakeClock());
    ineffective.startTrial('a', 2);
    ineffective.ineffective('a', 'x', 2);
    assert.equal(ineffective.heldBack('a', 'x', 2, true)?.tokenUnaccepted, true);
    assert.equal(ineffective.heldBack('a', 'y', 2, true)?.tokenUnaccepted, true);
    ineffective.accepted('a', 2);
    assert.equal(ineffective.heldBack('a', 'x', 2, true)?.tokenUnaccepted, false);
    for (const [index, call] of ['b', 'c'].entries()) {
      ineffective.ineffective('a', call, index + 3);
      ineffective.accepted('a', index + 3);
    }
    // The allowance is used up: whether the token has died since is not known.
    assert.equal(ineffective.heldBack('a', 'y', 4, true)?.tokenUnaccepted, true);
  });

  it('keeps accounts apart', () => {
    const ineffective = new RenewalGuard(new FakeClock());
    ineffective.startTrial('a', 2);
    ineffective.ineffective('a', 'x a', 2);
    assert.equal(ineffective.heldBack('b', 'x b', 2, true), undefined);
  });

  it('tells the first refusal of each token', () => {
    const ineffective = new RenewalGuard(new FakeClock());
    const told = [1, 1, 2, 1, 2, 3].map((generation) => ineffective.isFirstRejection('a', generation));
    assert.deepEqual(told, [true, false, true, false, false, true]);
    assert.equal(ineffective.isFirstRejection('b', 1), true);
  });
});
