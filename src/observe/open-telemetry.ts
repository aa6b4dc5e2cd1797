/**
 * Our spans over OpenTelemetry's API (https://opentelemetry.io/docs/specs/otel/trace/api/). The types here describe
 * the few calls that are made, so that `@opentelemetry/api` fits by its shape and is no dependency of ours.
 */
import type { Clock } from '../env/clock.ts';
import type { AttributeValue, Span, SpanOptions, Tracer } from './tracer.ts';
import type { SpanContext } from './traceparent.ts';

/** Seconds since 1970 and nanoseconds: the one form of time that OpenTelemetry cannot take for another. */
type HighResolutionTime = [number, number];
interface TelemetrySpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean;
}
interface TelemetrySpan {
  spanContext(): TelemetrySpanContext;
  setAttribute(name: string, value: AttributeValue): unknown;
  addLink(link: { context: TelemetrySpanContext }): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(endTime?: HighResolutionTime): void;
}
interface TelemetrySpanOptions {
  kind?: number;
  root?: boolean;
  attributes?: Record<string, AttributeValue>;
  links?: { context: TelemetrySpanContext }[];
  startTime?: HighResolutionTime;
}

export interface OpenTelemetry<Context> {
  /** `trace.getTracer('lockstep')` of `@opentelemetry/api`. */
  readonly tracer: { startSpan(name: string, options: TelemetrySpanOptions, context: Context): TelemetrySpan };
  /** `context` of `@opentelemetry/api`. */
  readonly context: { active(): Context };
  /** `trace` of `@opentelemetry/api`. */
  readonly trace: { setSpanContext(context: Context, spanContext: TelemetrySpanContext): Context };
  /** Where spans take their times from; without it OpenTelemetry reads its own clock, which differs between two runs of one seed. */
  readonly clock?: Clock | undefined;
}

/** `import { context, trace } from '@opentelemetry/api'`, then pass both, and a tracer. */
export function fromOpenTelemetry<Context>(api: OpenTelemetry<Context>): Tracer {
  return {
    start(name, options = {}) {
      const { parent } = options;
      const active = api.context.active();
      // Who serves a call or takes a message has its parent on the other side.
      const isRemote = options.kind === 'server' || options.kind === 'consumer';
      const context = parent ? api.trace.setSpanContext(active, { ...toTelemetry(parent), isRemote }) : active;
      const time = api.clock === undefined ? null : new SpanTime(api.clock);
      const telemetryOptions = { ...optionsOf(options), ...(time === null ? {} : { startTime: time.start }) };
      return new OpenTelemetrySpan(api.tracer.startSpan(name, telemetryOptions, context), time);
    },
  };
}

class OpenTelemetrySpan implements Span {
  readonly context: SpanContext | null;
  readonly #span: TelemetrySpan;
  readonly #time: SpanTime | null;

  constructor(span: TelemetrySpan, time: SpanTime | null) {
    this.#span = span;
    this.#time = time;
    const { traceId, spanId, traceFlags } = span.spanContext();
    // Without a registered SDK all digits are zero: there is nothing to hand on.
    this.context = /^0*$/.test(spanId) ? null : { traceId, spanId, sampled: (traceFlags & 1) === 1 };
  }

  setAttribute(name: string, value: AttributeValue): void {
    this.#span.setAttribute(name, value);
  }

  addLink(context: SpanContext): void {
    this.#span.addLink({ context: toTelemetry(context) });
  }

  setStatus(status: 'ok' | 'error', message?: string): void {
    this.#span.setStatus({ code: status === 'ok' ? 1 : 2, ...(message === undefined ? {} : { message }) });
  }

  end(): void {
    this.#span.end(this.#time?.end());
  }
}

/** The start by the wall clock, the length by the monotonic one, so that a jump does not make it negative. */
class SpanTime {
  readonly start: HighResolutionTime;
  readonly #clock: Clock;
  readonly #startWallMs: number;
  readonly #startMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startWallMs = clock.wall();
    this.#startMs = clock.now();
    this.start = highResolution(this.#startWallMs, 0);
  }

  end(): HighResolutionTime {
    return highResolution(this.#startWallMs, this.#clock.now() - this.#startMs);
  }
}

function highResolution(wallMs: number, elapsedMs: number): HighResolutionTime {
  const seconds = Math.floor(wallMs / 1_000);
  const nanoseconds = Math.round((wallMs - seconds * 1_000 + elapsedMs) * 1e6);
  return [seconds + Math.floor(nanoseconds / 1e9), nanoseconds % 1e9];
}

// The numbers of OpenTelemetry's enum SpanKind.
const kinds = { internal: 0, server: 1, client: 2, producer: 3, consumer: 4 } as const;

function optionsOf(options: SpanOptions): TelemetrySpanOptions {
  return {
    kind: kinds[options.kind ?? 'internal'],
    root: options.parent === null,
    attributes: { ...options.attributes },
    links: (options.links ?? []).map((context) => ({ context: toTelemetry(context) })),
  };
}

const toTelemetry = ({ traceId, spanId, sampled }: SpanContext): TelemetrySpanContext => ({
  traceId,
  spanId,
  traceFlags: sampled ? 1 : 0,
});
