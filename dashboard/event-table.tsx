/** Events as rows, the newest first; each leads to its instance as it was behind that event. Held still while it is read. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { hashOf } from './place.ts';
import type { AnyEvent } from './watch-node.ts';
import { exactTimeText, lineOf, whenText } from './words.ts';

const shownMax = 60;

export function EventTable({ events }: { readonly events: readonly AnyEvent[] | null }): JSX.Element {
  const [held, setHeld] = useState<readonly AnyEvent[] | null>(null);
  const shown = held ?? events;
  if (shown === null) return <p class="faint">asking …</p>;
  if (shown.length === 0)
    return <p class="faint">No event yet. The first one appears here by itself: send a command.</p>;
  return (
    <>
      <button
        type="button"
        class="small corner"
        aria-pressed={held !== null}
        onClick={() => setHeld(held === null ? events : null)}
      >
        {held === null ? 'Hold' : 'Go on'}
      </button>
      <div class="scroll tall" role="region" aria-label="Newest events" tabIndex={0}>
        <table class="events">
          <thead>
            <tr>
              <th scope="col">at</th>
              <th scope="col">instance</th>
              <th scope="col">event</th>
              <th scope="col">data</th>
            </tr>
          </thead>
          <tbody>
            {shown.slice(0, shownMax).map((event) => (
              <EventRow key={event.id} event={event} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function EventRow({ event }: { readonly event: AnyEvent }): JSX.Element {
  const { machine, key, version, at, type, data, actor } = event;
  return (
    <tr title={`${exactTimeText(at)}, by ${actor}`}>
      <td class="faint mono">{whenText(at)}</td>
      <td class="cut">
        <a href={hashOf('machines', { machine, key, at: String(version) })}>
          <span class="faint">{machine}/</span>
          {key}
          <span class="faint">@{version}</span>
        </a>
      </td>
      <td>
        <b>{String(type)}</b>
      </td>
      <td class="mono cut data">{lineOf(data)}</td>
    </tr>
  );
}
