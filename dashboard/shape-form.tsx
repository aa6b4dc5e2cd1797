/** A form made from a shape; where there is none, or where a reader would rather write, JSON. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { Control } from './field-control.tsx';
import { emptyOf, fieldOf, problemsOf, type NamedField, type Problem, type Shape } from './shape.ts';

export interface ShapeFormAbout {
  readonly legend: string;
  readonly shape: Shape;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  /** Shown where nothing is written yet. */
  readonly example: string;
  /** Told when what is written is no JSON, and when it is again. */
  readonly onReadable: (isReadable: boolean) => void;
  /** What is wrong is told once somebody has tried to send it. */
  readonly isTried: boolean;
}

export function ShapeForm({
  legend,
  shape,
  value,
  onChange,
  example,
  onReadable,
  isTried,
}: ShapeFormAbout): JSX.Element {
  const hasForm = fieldOf(shape).kind !== 'any';
  const [asJson, setAsJson] = useState(!hasForm);
  const toggle = (): void => {
    setAsJson(!asJson);
    onReadable(true); // what was written last and could be read is what there is
  };
  const problems = isTried ? problemsOf(shape, value) : [];
  return (
    <fieldset class="data">
      <legend>
        {legend}{' '}
        {hasForm && (
          <button type="button" class="small" aria-pressed={asJson} onClick={toggle}>
            {asJson ? 'as a form' : 'as JSON'}
          </button>
        )}
      </legend>
      {asJson ? (
        <JsonEditor value={value} onChange={onChange} example={example} onReadable={onReadable} />
      ) : (
        <FieldEditor name="" shape={shape} value={value} path="" problems={problems} onChange={onChange} />
      )}
      {asJson &&
        problems.map(({ path, why }) => (
          <p key={path} class="hint problem">
            {path} {why}
          </p>
        ))}
    </fieldset>
  );
}

function JsonEditor({
  value,
  onChange,
  example,
  onReadable,
}: Pick<ShapeFormAbout, 'value' | 'onChange' | 'example' | 'onReadable'>): JSX.Element {
  const [text, setText] = useState(value === undefined ? '' : JSON.stringify(value, null, 2));
  const [why, setWhy] = useState<string | null>(null);
  const write = (written: string): void => {
    setText(written);
    try {
      onChange(written.trim() === '' ? undefined : JSON.parse(written));
      setWhy(null);
      onReadable(true);
    } catch (error) {
      setWhy(error instanceof Error ? error.message : String(error));
      onReadable(false);
    }
  };
  return (
    <>
      <textarea
        aria-label="Data as JSON"
        aria-invalid={why !== null}
        rows={Math.min(14, Math.max(2, text.split('\n').length))}
        value={text}
        placeholder={example}
        spellcheck={false}
        onInput={(event) => write(event.currentTarget.value)}
      />
      {why === null ? (
        <p class="hint faint">
          Empty: no data.
          {example !== '' && text === '' && (
            <>
              {' '}
              <button type="button" class="small" onClick={() => write(example)}>
                Take that of the newest event
              </button>
            </>
          )}
        </p>
      ) : (
        <p class="hint problem">This is no JSON: {why}</p>
      )}
    </>
  );
}

interface FieldAbout {
  readonly name: string;
  readonly shape: Shape;
  readonly value: unknown;
  readonly path: string;
  readonly problems: readonly Problem[];
  readonly onChange: (value: unknown) => void;
}

function FieldEditor(about: FieldAbout): JSX.Element {
  const { shape, value, path, problems, onChange } = about;
  const field = fieldOf(shape);
  if (field.kind === 'object') return <ObjectEditor {...about} fields={field.fields} />;
  if (field.kind === 'list') return <ListEditor {...about} of={field.of} />;
  const id = `field-${path === '' ? 'value' : path}`;
  const problem = problems.find((one) => one.path === path);
  const marks = {
    id,
    'aria-invalid': problem !== undefined,
    'aria-describedby': problem === undefined ? undefined : `${id}-why`,
  };
  const described = typeof shape?.['description'] === 'string' ? shape['description'] : null;
  return (
    <div class="field">
      <label for={id}>{about.name === '' ? 'value' : about.name}</label>
      <Control field={field} value={value} onChange={onChange} marks={marks} />
      {described !== null && <p class="hint faint">{described}</p>}
      {problem !== undefined && (
        <p id={`${id}-why`} class="hint problem">
          {problem.why}
        </p>
      )}
    </div>
  );
}

function ObjectEditor({
  name,
  value,
  path,
  problems,
  onChange,
  fields,
}: FieldAbout & { readonly fields: readonly NamedField[] }) {
  const given = Object(value) as Readonly<Record<string, unknown>>;
  const inner = fields.map((field) => {
    const at = path === '' ? field.name : `${path}.${field.name}`;
    const change = (one: unknown): void => {
      const { [field.name]: _old, ...rest } = given;
      onChange(one === undefined || (one === '' && !field.isRequired) ? rest : { ...given, [field.name]: one });
    };
    return (
      <FieldEditor
        key={field.name}
        name={field.isRequired ? field.name : `${field.name} (may be left out)`}
        shape={field.shape}
        value={given[field.name]}
        path={at}
        problems={problems}
        onChange={change}
      />
    );
  });
  return name === '' ? (
    <>{inner}</>
  ) : (
    <fieldset class="inner">
      <legend>{name}</legend>
      {inner}
    </fieldset>
  );
}

function ListEditor({ name, value, path, problems, onChange, of }: FieldAbout & { readonly of: Shape }): JSX.Element {
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  return (
    <fieldset class="inner">
      <legend>{name === '' ? 'list' : name}</legend>
      {items.map((item, at) => (
        <div key={at} class="item">
          <FieldEditor
            name={`${at + 1}`}
            shape={of}
            value={item}
            path={path === '' ? String(at) : `${path}.${at}`}
            problems={problems}
            onChange={(one) => onChange(items.with(at, one))}
          />
          <button
            type="button"
            class="small"
            aria-label={`Remove ${at + 1}`}
            onClick={() => onChange(items.toSpliced(at, 1))}
          >
            ×
          </button>
        </div>
      ))}
      <button type="button" class="small" onClick={() => onChange([...items, emptyOf(of)])}>
        Add
      </button>
    </fieldset>
  );
}
