/**
 * Where a span stands in its trace, and its text form for messages: the header `traceparent` of W3C Trace Context.
 * Source: https://www.w3.org/TR/trace-context/#traceparent-header. `tracestate` and baggage are not carried.
 */
export interface SpanContext {
  /** 32 lower-case hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal digits, not all zero. */
  readonly spanId: string;
  /** Whether the caller records this trace. */
  readonly sampled: boolean;
}

const shape = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const zero = /^0+$/;

/**
 * Null for whatever is no `traceparent`: the trace then begins anew, as the standard asks. Later versions are read as
 * far as version 00 goes.
 */
export function parseTraceparent(text: string): SpanContext | null {
  const match = text.length <= 512 ? shape.exec(text) : null;
  if (match === null) return null;
  const [, version, traceId, spanId, flags, rest] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ];
  if (version === 'ff' || (version === '00' && rest !== undefined)) return null;
  if (zero.test(traceId) || zero.test(spanId)) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Always version 00. `parseTraceparent` gives the same context back. */
export function printTraceparent({ traceId, spanId, sampled }: SpanContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}
