/** Sends a command: what the machine takes, in a form; and what became of it. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { CommandOutcome } from '../../src/machine/router.ts';
import { whyOf } from '../ask.ts';
import type { Context } from '../context.ts';
import { goInPlace, hashOf } from '../place.ts';
import type { Shape } from '../shape.ts';
import { ShapeForm } from '../shape-form.tsx';
import { useShapeForm } from '../shape-form-state.ts';
import { useStore } from '../store.ts';
import { ValueView } from '../value-view.tsx';
import type { AnyEvent } from '../watch-node.ts';
import { exactTimeText, plain } from '../words.ts';

interface Sent {
  readonly at: Date;
  readonly machine: string;
  readonly key: string;
  readonly command: string;
  readonly became:
    | { readonly kind: 'outcome'; readonly outcome: CommandOutcome }
    | { readonly kind: 'error'; readonly why: string };
}

const sentMax = 20;

export function Send(context: Context): JSX.Element {
  const app = useStore(context.node.app);
  const { about } = useStore(context.place);
  const [sent, setSent] = useState<readonly Sent[]>([]);
  if (app === null) return <p class="faint">asking …</p>;
  const machines = Object.keys(app.machines);
  const machine = machines.find((one) => one === about['machine']) ?? machines[0];
  const contract = machine === undefined ? undefined : app.machines[machine];
  if (machine === undefined || contract === undefined) return <p class="faint">This app has no machines.</p>;
  const commands = Object.keys(contract.commands);
  const command = commands.find((one) => one === about['command']) ?? commands[0] ?? '';
  const choose = (change: Readonly<Record<string, string>>): void =>
    goInPlace('send', { machine, command, key: about['key'], ...change });
  return (
    <>
      <h1 class="sr">Send a command</h1>
      <div class="columns">
        <section class="card column" aria-labelledby="send">
          <h2 id="send">Send a command</h2>
          <div class="field">
            <label for="machine">machine</label>
            <select
              id="machine"
              value={machine}
              onChange={(event) => choose({ machine: event.currentTarget.value, command: '' })}
            >
              {machines.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </div>
          <div class="field">
            <label for="command">command</label>
            <select id="command" value={command} onChange={(event) => choose({ command: event.currentTarget.value })}>
              {commands.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </div>
          <CommandForm
            key={`${machine}.${command}`}
            context={context}
            machine={machine}
            command={command}
            shape={contract.commands[command] ?? null}
            instance={about['key'] ?? ''}
            onSent={(one) => setSent((all) => [one, ...all].slice(0, sentMax))}
          />
        </section>
        <section class="card column wide" aria-labelledby="outcomes" aria-live="polite">
          <h2 id="outcomes">What became of it</h2>
          {sent.length === 0 && <p class="faint">Nothing was sent from here yet.</p>}
          {sent.map((one) => (
            <Outcome key={`${one.at.getTime()} ${one.key}`} sent={one} />
          ))}
        </section>
      </div>
    </>
  );
}

interface CommandFormAbout {
  readonly context: Context;
  readonly machine: string;
  readonly command: string;
  readonly shape: Shape;
  readonly instance: string;
  readonly onSent: (sent: Sent) => void;
}

function CommandForm({ context, machine, command, shape, instance, onSent }: CommandFormAbout): JSX.Element {
  const [key, setKey] = useState(instance);
  const [version, setVersion] = useState('');
  const [isSending, setSending] = useState(false);
  const { value: data, isReadable, about: form, submitting } = useShapeForm(shape);
  const events = useStore(context.node.events) ?? [];
  const submit = async (): Promise<void> => {
    setSending(true);
    const about = { at: new Date(), machine, key, command };
    const options = version === '' ? {} : { expectedVersion: Number(version) };
    try {
      const outcome = await context.link.remote.send(machine, key, command, data, { ...options, actor: 'dashboard' });
      onSent({ ...about, became: { kind: 'outcome', outcome } });
    } catch (error) {
      onSent({ ...about, became: { kind: 'error', why: whyOf(error) } });
    }
    setSending(false);
  };
  return (
    <form onSubmit={submitting(() => void submit())}>
      <div class="field">
        <label for="instance">key</label>
        <input
          id="instance"
          value={key}
          required
          maxLength={500}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
      </div>
      <ShapeForm legend="Data" {...form} example={exampleOf(machine, command, events)} />
      <div class="field">
        <label for="expected">only at version</label>
        <input
          id="expected"
          type="number"
          min={0}
          value={version}
          placeholder="any"
          onInput={(event) => setVersion(event.currentTarget.value)}
        />
      </div>
      <button type="submit" class="main" disabled={isSending || !isReadable}>
        {isSending ? 'Sending …' : `Send ${command}`}
      </button>
    </form>
  );
}

/** A table's commands are its events: the newest of that type shows what such data looks like. */
function exampleOf(machine: string, command: string, events: readonly AnyEvent[]): string {
  const event = events.find((one) => one.machine === machine && String(one.type) === command);
  return event === undefined || event.data === undefined || event.data === null
    ? ''
    : JSON.stringify(plain(event.data), null, 2);
}

function Outcome({ sent: { at, machine, key, command, became } }: { readonly sent: Sent }): JSX.Element {
  const kind = became.kind === 'error' ? 'error' : became.outcome.kind;
  return (
    <article class="outcome">
      <p>
        <span class={`badge ${kind === 'committed' ? 'good' : kind === 'rejected' ? 'warn' : 'bad'}`}>{kind}</span>{' '}
        {command}{' '}
        <a href={hashOf('machines', { machine, key })}>
          {machine}/{key}
        </a>{' '}
        <span class="faint">{exactTimeText(at)}</span>
      </p>
      {became.kind === 'error' ? <pre class="problem">{became.why}</pre> : <ValueView value={toldOf(became.outcome)} />}
    </article>
  );
}

const toldOf = ({ kind: _kind, ...told }: CommandOutcome): unknown => told;
