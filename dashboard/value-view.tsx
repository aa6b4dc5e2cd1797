/** A value as a tree of lines, one a property; what differs from another value, the one before, is marked. */
import type { JSX } from 'preact';
import { plain } from './words.ts';

const linesMax = 400;

interface Line {
  readonly depth: number;
  readonly name: string | null;
  readonly text: string;
  readonly kind: string;
  readonly isNew: boolean;
}

/** `before`: undefined where nothing is to be compared. */
export function ValueView({ value, before }: { readonly value: unknown; readonly before?: unknown }): JSX.Element {
  const lines: Line[] = [];
  collect(
    lines,
    { name: null, value: plain(value), depth: 0 },
    before === undefined ? undefined : { was: plain(before) },
  );
  const shown = lines.slice(0, linesMax);
  return (
    <div class="value" role="group" tabIndex={0}>
      {shown.map(({ depth, name, text, kind, isNew }, at) => (
        <div key={at} class={isNew ? 'line new' : 'line'} style={{ paddingLeft: `${depth * 1.2 + 0.6}em` }}>
          {name !== null && <span class="name">{name}: </span>}
          <span class={kind}>{text}</span>
          {isNew && <span class="sr"> (changed)</span>}
        </div>
      ))}
      {lines.length > linesMax && <div class="line faint">… {lines.length - linesMax} lines more</div>}
    </div>
  );
}

function collect(
  lines: Line[],
  { name, value, depth }: { readonly name: string | null; readonly value: unknown; readonly depth: number },
  before: { readonly was: unknown } | undefined,
): void {
  const isNew = before !== undefined && JSON.stringify(before.was) !== JSON.stringify(value);
  const entries = entriesOf(value);
  if (entries === null || entries.length === 0 || depth > 12)
    return void lines.push({ depth, name, text: JSON.stringify(value) ?? '–', kind: kindOf(value), isNew });
  const inner = name === null ? depth : depth + 1;
  if (name !== null)
    lines.push({ depth, name, text: Array.isArray(value) ? `[${entries.length}]` : '', kind: 'faint', isNew: false });
  for (const [key, one] of entries) {
    const was = before === undefined ? undefined : { was: (Object(before.was) as Record<string, unknown>)[key] };
    collect(lines, { name: key, value: one, depth: inner }, was);
  }
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] | null {
  return typeof value === 'object' && value !== null ? Object.entries(value) : null;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'object') return 'faint';
  return typeof value === 'string' ? 'text' : 'number';
}
