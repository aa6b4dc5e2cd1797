/** In a view: asks the node when it is shown and when what it is about changes, and again after a while. */
import { useEffect, useState } from 'preact/hooks';

export type Asked<T> =
  | { readonly kind: 'asking' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'told'; readonly value: T };

/** `again`: in milliseconds; null: only when `about` changes. What was told stays until there is something newer. */
export function useAsked<T>(
  about: string,
  ask: (signal: AbortSignal) => Promise<T>,
  again: number | null = null,
): readonly [Asked<T>, () => void] {
  const [answer, setAnswer] = useState<{ readonly about: string; readonly asked: Asked<T> } | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const ending = new AbortController();
    let next: ReturnType<typeof setTimeout> | undefined;
    ask(ending.signal)
      .then(
        (value) => {
          if (!ending.signal.aborted) setAnswer({ about, asked: { kind: 'told', value } });
        },
        (error: unknown) => {
          if (!ending.signal.aborted) setAnswer((old) => (isTold(old, about) ? old : failed(about, error)));
        },
      )
      .finally(() => {
        if (again !== null && !ending.signal.aborted) next = setTimeout(() => setRound(round + 1), again);
      });
    return () => {
      clearTimeout(next);
      ending.abort();
    };
  }, [about, round]);
  const asked: Asked<T> = answer !== null && answer.about === about ? answer.asked : { kind: 'asking' };
  return [asked, () => setRound((one) => one + 1)];
}

const isTold = (answer: { readonly about: string; readonly asked: Asked<unknown> } | null, about: string): boolean =>
  answer?.about === about && answer.asked.kind === 'told';

const failed = (about: string, error: unknown) => ({ about, asked: { kind: 'failed', why: whyOf(error) } }) as const;

/** In words: the first line says what, the rest where and what to do. */
export const whyOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
