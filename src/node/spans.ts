/**
 * Spans of what a node does, from a command to the rows that follow from it. A command's span is a child of the trace that it came
 * with; its events keep it as their trace context, so what comes of them later, elsewhere too, can name it.
 */
import type { AskedQuery, QueryMiddleware } from '../machine/projection/run-query.ts';
import type { CommandMiddleware } from '../machine/router.ts';
import { parseTraceparent, printTraceparent, type SpanContext } from '../observe/traceparent.ts';
import { inSpan, noTracer, type Tracer } from '../observe/tracer.ts';

/** To stand around all other middleware but what measures. */
export function traceCommands(tracer: Tracer): readonly CommandMiddleware[] {
  if (tracer === noTracer) return [];
  return [
    (command, next) => {
      const { machine, command: name, key, actor, commandId, trace } = command;
      const attributes = {
        'lockstep.machine': machine,
        'lockstep.command': name,
        'lockstep.key': key,
        'lockstep.actor': actor,
        'lockstep.command_id': commandId,
      };
      const about = { kind: 'server', parent: contextOf(trace), attributes } as const;
      return inSpan(tracer, `${machine}.${name}`, about, async (span) => {
        const { context } = span;
        const outcome = await next(context === null ? command : { ...command, trace: printTraceparent(context) });
        span.setAttribute('lockstep.outcome', outcome.kind);
        if (outcome.kind === 'rejected') span.setAttribute('lockstep.rejection', outcome.code);
        if (outcome.kind === 'committed') span.setAttribute('lockstep.version', outcome.version);
        return outcome;
      });
    },
  ];
}

export function traceQueries(tracer: Tracer): readonly QueryMiddleware[] {
  if (tracer === noTracer) return [];
  return [
    (asked: AskedQuery, next) => {
      const attributes = {
        'lockstep.query': asked.query,
        ...(asked.key === null ? {} : { 'lockstep.key': asked.key }),
      };
      return inSpan(tracer, `query ${asked.query}`, { kind: 'server', attributes }, () => next(asked));
    },
  ];
}

/** Of the trace context that came with something. Undefined: there is none, and the tracer may know a current span. */
const contextOf = (trace: string | null): SpanContext | undefined =>
  (trace === null ? null : parseTraceparent(trace)) ?? undefined;
