/** The machines of the app; of one of them what it takes and how it moves; and an instance by its key. */
import type { JSX } from 'preact';
import type { MachineContract } from '../../src/machine/contract.ts';
import type { Context } from '../context.ts';
import { Diagram } from '../diagram.tsx';
import { EventTable } from '../event-table.tsx';
import { go, hashOf } from '../place.ts';
import { useStore } from '../store.ts';
import type { AnyEvent } from '../watch-node.ts';
import { Instance } from './instance.tsx';

export function Machines(context: Context): JSX.Element {
  const app = useStore(context.node.app);
  const { about } = useStore(context.place);
  const events = useStore(context.node.events);
  if (app === null) return <p class="faint">asking …</p>;
  const names = Object.keys(app.machines);
  const name = about['machine'] !== undefined && names.includes(about['machine']) ? about['machine'] : names[0];
  const contract = name === undefined ? undefined : app.machines[name];
  if (name === undefined || contract === undefined) return <p class="faint">This app has no machines.</p>;
  const key = about['key'] ?? '';
  return (
    <>
      <h1 class="sr">Machines</h1>
      <nav class="pills" aria-label="Machines">
        {names.map((one) => (
          <a key={one} href={hashOf('machines', { machine: one })} aria-current={one === name ? 'page' : undefined}>
            {one}
          </a>
        ))}
      </nav>
      <KeyForm key={`${name}/${key}`} machine={name} value={key} events={events ?? []} />
      {key === '' ? (
        <Declared name={name} contract={contract} events={events ?? []} />
      ) : (
        <Instance key={`${name}/${key}`} context={context} machine={name} id={key} contract={contract} />
      )}
    </>
  );
}

function KeyForm({
  machine,
  value,
  events,
}: {
  readonly machine: string;
  readonly value: string;
  readonly events: readonly AnyEvent[];
}): JSX.Element {
  const recent = keysOf(machine, events);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const key = new FormData(event.currentTarget as HTMLFormElement).get('key');
    if (typeof key === 'string' && key !== '') go('machines', { machine, key });
  };
  return (
    <form class="row" onSubmit={submit} role="search" aria-label={`Instances of ${machine}`}>
      <label for="key">Key</label>
      <input
        id="key"
        name="key"
        list="keys"
        required
        maxLength={500}
        defaultValue={value}
        autocomplete="off"
        spellcheck={false}
      />
      <datalist id="keys">
        {recent.map((key) => (
          <option key={key} value={key} />
        ))}
      </datalist>
      <button type="submit">Show</button>
      <a class="button" href={hashOf('send', { machine, key: value })}>
        Send to it
      </a>
    </form>
  );
}

const keysOf = (machine: string, events: readonly AnyEvent[]): readonly string[] =>
  [...new Set(events.flatMap((event) => (event.machine === machine ? [event.key] : [])))].slice(0, 20);

function Declared({
  name,
  contract,
  events,
}: {
  readonly name: string;
  readonly contract: MachineContract;
  readonly events: readonly AnyEvent[];
}): JSX.Element {
  const { table, commands, events: types } = contract;
  return (
    <div class="columns">
      <section class="card column" aria-labelledby="declared">
        <h2 id="declared">{name}</h2>
        <dl class="facts">
          <dt>commands</dt>
          <dd>
            {Object.keys(commands).map((command) => (
              <a key={command} class="chip" href={hashOf('send', { machine: name, command })}>
                {command}
              </a>
            ))}
          </dd>
          <dt>events</dt>
          <dd>
            {Object.keys(types).map((type) => (
              <span key={type} class="chip">
                {type}
              </span>
            ))}
          </dd>
          <dt>code version</dt>
          <dd>{contract.codeVersion}</dd>
        </dl>
      </section>
      <div class="column wide">
        {table !== null && (
          <section class="card" aria-labelledby="diagram">
            <h2 id="diagram">Its states</h2>
            <Diagram name={name} table={table} current={null} />
          </section>
        )}
        <section class="card" aria-labelledby="lately">
          <h2 id="lately">Lately</h2>
          <EventTable events={events.filter(({ machine }) => machine === name)} />
        </section>
      </div>
    </div>
  );
}
