/** What a chaos of the shop came to, in figures and one sentence. */
import { hasPassed, type ShopChaosResult } from './run.ts';

const linesMax = 10;

export function printShopResult(result: ShopChaosResult): string {
  const { verdict, acknowledged, readyMs, complaints } = result;
  const sorted = readyMs.toSorted((a, b) => a - b).map((ms) => Math.round(ms));
  const lines: readonly (readonly [string, string])[] = [
    [
      'kills',
      `${sorted.length}; acknowledging again after ${sorted[sorted.length >> 1]} ms in the middle, ${sorted.at(-1)} at most`,
    ],
    ['acknowledged', `${acknowledged} commands, ${verdict.lost} lost`],
    ['orders', `${verdict.orders}`],
    ['money', `${(verdict.money / 100).toFixed(2)} € taken and kept`],
    ['goods', `${verdict.goods} received`],
    ['replay', `${verdict.replayed} states are what their events make`],
  ];
  const failures = [...verdict.problems, ...complaints];
  return [
    ...lines.map(([name, text]) => `  ${name.padEnd(16)}${text}`),
    ...failures.slice(0, linesMax).map((line) => `  problem: ${line}`),
    ...(failures.length > linesMax ? [`  and ${failures.length - linesMax} more`] : []),
    '',
    hasPassed(result) ? 'PASSED: nothing lost, money and goods balance' : `FAILED: ${failures.length} problems`,
  ].join('\n');
}
