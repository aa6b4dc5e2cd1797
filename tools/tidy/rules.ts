/** All rules that look at one source at a time, in the order in which they are reported. */
import { globalsRule } from './bans.ts';
import { cycleRule, directionRule, indexRule, orphanRule } from './rooms.ts';
import { fileLengthRule, fileNameRule, functionLengthRule, moduleStateRule, openingRule } from './shape.ts';
import type { Rule } from './source.ts';
import { exportsRule, wordsRule } from './words.ts';

export const rules: readonly Rule[] = [
  directionRule,
  cycleRule,
  orphanRule,
  indexRule,
  globalsRule,
  moduleStateRule,
  fileLengthRule,
  functionLengthRule,
  openingRule,
  fileNameRule,
  wordsRule,
  exportsRule,
];
