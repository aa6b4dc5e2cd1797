import { expect, test } from 'vitest';
import { logConfig, logDefaults } from './config.ts';

test('what is not changed is as by default, and nothing can be changed afterwards', () => {
  const config = logConfig({ silenceMs: 9_000 });
  expect(config).toEqual({ ...logDefaults, silenceMs: 9_000 });
  expect([Object.isFrozen(config), Object.isFrozen(logDefaults)]).toEqual([true, true]);
  expect(logConfig()).toEqual(logDefaults);
});

test('settings that are no numbers above 0, or do not agree, are misuse', () => {
  for (const changes of [
    { silenceMs: 0 },
    { settleMsMax: Number.NaN },
    { batchBytesMax: Infinity },
    { silenceMs: 100, pauseMsMax: 101 },
    { attemptMsMax: 200, settleMsMax: 100 },
  ])
    expect(() => logConfig(changes)).toThrow(expect.objectContaining({ kind: 'misuse' }));
});
