/**
 * `lockstep/check`: verdicts over recorded histories. A `recorder` writes down what clients asked and were told, in the
 * simulator or over real processes; the checkers say whether a system that keeps its promises could have answered so,
 * and show the smallest part of the history that it could not have. Start at `recorder` and `checkLinearizable`.
 */
export { sortedHistory, validateHistory } from './history.ts';
export type { History, Operation, Outcome } from './history.ts';
export { mergeHistories, recorder } from './recorder.ts';
export type { PendingOperation, Recorder } from './recorder.ts';
export { checkLinearizable } from './linearizability.ts';
export type { CheckBudget, CheckOptions, CheckWork, LinearizabilityVerdict, Linearization } from './linearizability.ts';
export type { LimitReached } from './search.ts';
export type { Cited, Counterexample } from './shrink.ts';
export { defineModel, keyed } from './model.ts';
export type { Answer, KeyedCall, Model, ModelParts } from './model.ts';
export { appendLog, casRegister, counter, keyValue, lock, queue, register } from './models.ts';
export type {
  AppendLogCall,
  CasRegisterCall,
  CounterCall,
  KeyValueCall,
  LockCall,
  LockState,
  QueueCall,
  RegisterCall,
  Value,
} from './models.ts';
export { explainLinearizability } from './report.ts';
export { htmlTimeline } from './timeline-html.ts';
export { parseHistory } from './history-text.ts';
export type { TextCall, TextOperation } from './history-text.ts';
export { historyFor, modelNames } from './named-models.ts';
export type { TextHistory } from './named-models.ts';
