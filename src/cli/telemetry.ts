/**
 * Spans of an app that the command line runs: where its project has OpenTelemetry's API and an SDK was registered, by the app's
 * module or before it (`node --import`).
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fromOpenTelemetry, type OpenTelemetry } from '../observe/open-telemetry.ts';
import type { Tracer } from '../observe/tracer.ts';
import { codeOf } from '../os/system-code.ts';

/** What is used of `@opentelemetry/api`. */
interface TelemetryApi {
  readonly context: OpenTelemetry<unknown>['context'];
  readonly trace: OpenTelemetry<unknown>['trace'] & {
    getTracer(name: string): OpenTelemetry<unknown>['tracer'];
  };
}

/** Undefined: nobody would take its spans, so none are made. To be asked once the app's module was imported. */
export function tracerOf(appPath: string): Tracer | undefined {
  const api = apiFor(appPath);
  if (api === null) return undefined;
  const { context, trace } = api;
  const tracer = fromOpenTelemetry({ tracer: trace.getTracer('lockstep'), context, trace });
  const span = tracer.start('lockstep opens', { parent: null, attributes: { 'lockstep.app': appPath } });
  span.end();
  return span.context === null ? undefined : tracer;
}

/** Of the project of the app. All copies of the API in a process share what is registered. */
function apiFor(appPath: string): TelemetryApi | null {
  try {
    return createRequire(resolve(appPath))('@opentelemetry/api') as TelemetryApi;
  } catch (error) {
    if (codeOf(error) === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}
