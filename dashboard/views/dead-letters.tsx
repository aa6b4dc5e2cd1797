/** Messages that could not take effect, with the reason; each may be tried once more, or dropped. */
import type { JSX } from 'preact';
import { hybridDate } from '../../src/clock/timestamp.ts';
import type { NodeDeadLetter } from '../../src/node/dead-letters.ts';
import { nodePaths } from '../../src/server/node-paths.ts';
import { useAsked } from '../ask.ts';
import type { Context } from '../context.ts';
import { Doing } from '../doing.tsx';
import { hashOf } from '../place.ts';
import { ValueView } from '../value-view.tsx';
import { exactTimeText } from '../words.ts';

const againMs = 2_000;

export function DeadLetters(context: Context): JSX.Element {
  const [asked, again] = useAsked<readonly NodeDeadLetter[]>(
    'dead letters',
    (signal) => context.link.remote.get(nodePaths.deadLetters, { signal, deadline: '5s' }),
    againMs,
  );
  return (
    <section class="card" aria-labelledby="dead">
      <h1 id="dead">Dead letters</h1>
      <p class="faint">
        Messages between machines, and deadlines, that could not take effect: rejected by who got them, or failed too
        often. They wait here.
      </p>
      {asked.kind === 'asking' ? (
        <p class="faint">asking …</p>
      ) : asked.kind === 'failed' ? (
        <p class="problem">{asked.why}</p>
      ) : asked.value.length === 0 ? (
        <p class="good">There are none.</p>
      ) : (
        asked.value.map((letter) => (
          <Letter key={`${letter.partition} ${letter.id}`} letter={letter} context={context} onDone={again} />
        ))
      )}
    </section>
  );
}

function Letter({
  letter,
  context,
  onDone,
}: {
  readonly letter: NodeDeadLetter;
  readonly context: Context;
  readonly onDone: () => void;
}): JSX.Element {
  const { partition, id, to, from, attempts, why, deadAt, message } = letter;
  const named = new URLSearchParams({ partition: String(partition), id }).toString();
  const { machine, command } = Object(message) as { readonly machine?: unknown; readonly command?: unknown };
  return (
    <article class="outcome">
      <p>
        {typeof machine === 'string' && <b>{`${machine}.${String(command)} `}</b>}
        to {typeof machine === 'string' ? <a href={hashOf('machines', { machine, key: to })}>{to}</a> : <b>{to}</b>}
        <span class="faint">
          {from === null ? '' : `, from ${from}`} · {exactTimeText(hybridDate(deadAt))} · partition {partition} · tried{' '}
          {attempts} {attempts === 1 ? 'time' : 'times'}
        </span>
      </p>
      <p class="problem">{why}</p>
      <details>
        <summary>The message</summary>
        <ValueView value={message} />
      </details>
      <Doing
        context={context}
        actions={[
          { label: 'Try it again', path: `${nodePaths.retryDeadLetter}?${named}`, surely: null },
          { label: 'Drop it …', path: `${nodePaths.discardDeadLetter}?${named}`, surely: 'Drop it for good' },
        ]}
        onDone={onDone}
      />
    </article>
  );
}
