/** Buttons for what the node can be told to do, and what came of it. What cannot be taken back is asked for twice. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { whyOf } from './ask.ts';
import type { Context } from './context.ts';
import { lineOf } from './words.ts';

export interface Action {
  readonly label: string;
  /** Asked by POST. */
  readonly path: string;
  /** What it says when it is to be pressed once more; null: once is enough. */
  readonly surely: string | null;
}

export interface DoingAbout {
  readonly context: Context;
  readonly actions: readonly Action[];
  readonly onDone: () => void;
}

export function Doing({ context, actions, onDone }: DoingAbout): JSX.Element {
  const [told, setTold] = useState<string | null>(null);
  const [asked, setAsked] = useState<Action['path'] | null>(null);
  const [isBusy, setBusy] = useState(false);
  const act = async ({ path }: Action): Promise<void> => {
    setAsked(null);
    setBusy(true);
    try {
      const answer = await context.link.remote.post<object>(path);
      setTold('kind' in answer && answer.kind === 'rejected' ? lineOf(answer) : 'Done.');
      onDone();
    } catch (error) {
      setTold(whyOf(error));
    }
    setBusy(false);
  };
  return (
    <p class="row" aria-live="polite">
      {actions.map((action) => {
        const { label, path, surely } = action;
        const isAsked = asked === path;
        return (
          <button
            key={path}
            type="button"
            class={isAsked ? 'small risky' : 'small'}
            disabled={isBusy}
            onBlur={() => setAsked(null)}
            onClick={() => (surely === null || isAsked ? void act(action) : setAsked(path))}
          >
            {isAsked ? surely : label}
          </button>
        );
      })}
      {told !== null && <span class="faint">{told}</span>}
    </p>
  );
}
