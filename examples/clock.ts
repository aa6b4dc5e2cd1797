/**
 * Two nodes whose wall clocks disagree by 300 ms. By wall clock an answer would come before its question; by hybrid
 * timestamps it never does. And a clock that is an hour off is refused instead of pulling everybody along.
 */
import { hostEnv } from 'lockstep';
import type { WallTime } from 'lockstep/env';
import { HybridClock, hybridDate, printHybrid, type HybridRefusal, type HybridTimestamp } from 'lockstep/clock';

/** A node whose wall clock is off by so much. */
function node(offMs: number): { readonly clock: HybridClock; readonly wallMs: () => number } {
  const wall = (): WallTime => (hostEnv.clock.wall() + offMs) as WallTime;
  return { clock: new HybridClock({ wall }, { last: null }), wallMs: wall };
}

/** Most of the time there is a timestamp; what to do when there is none is the caller's choice. */
function given(outcome: HybridTimestamp | HybridRefusal): HybridTimestamp {
  if (typeof outcome === 'number') return outcome;
  throw new Error(`no timestamp: ${outcome.reason}, ${outcome.aheadMs} ms ahead`);
}

const [fast, slow, broken] = [node(+300), node(0), node(3_600_000)];

const question = given(fast.clock.now());
const answer = given(slow.clock.receive(question));
console.log('question', printHybrid(question));
console.log('answer  ', printHybrid(answer));
console.log('the answer is later:', answer > question);
console.log('by wall clock it is:', slow.wallMs() > hybridDate(question).getTime());

const refused = slow.clock.receive(given(broken.clock.now()));
console.log('an hour ahead:', typeof refused === 'number' ? 'taken' : refused.reason);

// A restart goes on after what was persisted, whatever the wall clock says meanwhile.
const restarted = new HybridClock(hostEnv.clock, { last: answer });
console.log('after a restart it is later still:', given(restarted.now()) > answer);
