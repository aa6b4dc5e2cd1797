/** One value of a form: the control that its kind is written with. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Field } from './shape.ts';

export interface ControlAbout {
  readonly field: Exclude<Field, { readonly kind: 'object' | 'list' }>;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  /** What names it, and what is wrong with it. */
  readonly marks: {
    readonly id: string;
    readonly 'aria-invalid': boolean;
    readonly 'aria-describedby': string | undefined;
  };
}

export function Control({ field, value, onChange, marks }: ControlAbout): JSX.Element {
  switch (field.kind) {
    case 'choice':
      return (
        <select
          {...marks}
          value={JSON.stringify(value)}
          onChange={(event) => onChange(JSON.parse(event.currentTarget.value))}
        >
          {field.among.map((one) => (
            <option key={String(one)} value={JSON.stringify(one)}>
              {String(one)}
            </option>
          ))}
        </select>
      );
    case 'boolean':
      return (
        <input
          {...marks}
          type="checkbox"
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case 'number':
    case 'integer':
      return (
        <input
          {...marks}
          type="number"
          step={field.kind === 'integer' ? 1 : 'any'}
          value={typeof value === 'number' ? value : ''}
          onInput={({ currentTarget: { valueAsNumber } }) =>
            onChange(Number.isNaN(valueAsNumber) ? undefined : valueAsNumber)
          }
        />
      );
    case 'text':
      return (
        <input
          {...marks}
          value={typeof value === 'string' ? value : ''}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      );
    case 'null':
    case 'any':
      return <JsonControl marks={marks} value={value} onChange={onChange} />;
  }
}

/** A part that forms have no words for. What is no JSON counts as text. */
function JsonControl({ marks, value, onChange }: Omit<ControlAbout, 'field'>): JSX.Element {
  const [text, setText] = useState(value === undefined ? '' : JSON.stringify(value));
  const write = (written: string): void => {
    setText(written);
    try {
      onChange(written === '' ? undefined : JSON.parse(written));
    } catch {
      onChange(written);
    }
  };
  return (
    <input
      {...marks}
      class="mono"
      value={text}
      placeholder="JSON"
      onInput={(event) => write(event.currentTarget.value)}
    />
  );
}
