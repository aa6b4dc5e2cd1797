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
export type { ParseOptions, TextCall, TextOperation } from './history-text.ts';
export { historyFor, modelNames } from './named-models.ts';
export type { TextHistory } from './named-models.ts';
export { checkTransactions } from './transactions.ts';
export type { TransactionsOptions, TransactionsVerdict } from './transactions.ts';
export { explainTransactions } from './transactions-report.ts';
export type { TransactionsReportOptions } from './transactions-report.ts';
export { htmlTransactions } from './transactions-html.ts';
export type { TransactionsPageOptions } from './transactions-html.ts';
export { parseTransactions } from './transactions-text.ts';
export type { TransactionsText } from './transactions-text.ts';
export type {
  TransactionHistory,
  TransactionStep,
  TransactionStepDone,
  TransactionValue,
} from './transactions-history.ts';
export { anomalyNames, anomalyText, cycleMermaid, dependencyText, isolationLevels } from './anomalies.ts';
export type { Anomaly, AnomalyKind, IsolationLevel } from './anomalies.ts';
export type { Dependency, EdgeKind } from './dependencies.ts';
export { checkSessions, sessionGuarantees } from './sessions.ts';
export type {
  SessionCall,
  SessionGuarantee,
  SessionHistory,
  SessionResult,
  SessionsVerdict,
  SessionViolation,
} from './sessions.ts';
export { checkAdds, checkConvergence } from './convergence.ts';
export type { AddCall, AddsVerdict, ConvergenceVerdict, Divergence, ReplicaState, WriteRecord } from './convergence.ts';
