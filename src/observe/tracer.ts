/**
 * Spans: what took how long, on behalf of whom. A small interface of ours, so that the core depends on no tracing
 * library; `fromOpenTelemetry` implements it over one. The parent is handed on explicitly, as an argument and in
 * messages (`printTraceparent`): nothing here knows a "current" span.
 */
import type { SpanContext } from './traceparent.ts';

export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface SpanOptions {
  /**
   * Null: it begins a trace of its own. Left out: so it does, unless the tracer knows a current span (OpenTelemetry's
   * active context does, where the application uses it).
   */
  readonly parent?: SpanContext | null | undefined;
  readonly attributes?: Attributes | undefined;
  /** Spans that it has to do with though they are not its parent, such as those of all commands in one batch. */
  readonly links?: readonly SpanContext[] | undefined;
  /** Default `internal`. `client` and `server` are the two ends of a call, `producer` and `consumer` those of a message. */
  readonly kind?: 'internal' | 'client' | 'server' | 'producer' | 'consumer' | undefined;
}

export interface Span {
  /** Hand it on as the parent of others. Null when nothing records it. */
  readonly context: SpanContext | null;
  setAttribute(name: string, value: AttributeValue): void;
  addLink(context: SpanContext): void;
  /** `message` says what went wrong. The last call counts. */
  setStatus(status: 'ok' | 'error', message?: string): void;
  /** Once; later calls on the span do nothing. */
  end(): void;
}

export interface Tracer {
  start(name: string, options?: SpanOptions): Span;
}

const noSpan: Span = Object.freeze({
  context: null,
  setAttribute() {},
  addLink() {},
  setStatus() {},
  end() {},
});

/** The default: records nothing, allocates nothing; all its spans are one object. */
export const noTracer: Tracer = Object.freeze({ start: () => noSpan });

/** Runs `work` in a span that ends with it, however it ends; what it throws becomes the status and is thrown on. */
export async function inSpan<T>(
  tracer: Tracer,
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const span = tracer.start(name, options);
  try {
    return await work(span);
  } catch (error) {
    span.setStatus('error', error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    span.end();
  }
}
