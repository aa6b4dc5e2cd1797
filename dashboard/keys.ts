/** Keys that work wherever the reader is, but in a field that is written in. */
import { useEffect } from 'preact/hooks';
import { go, views } from './place.ts';

/** For how long a `g` waits for what comes behind it. */
const chordMsMax = 1_500;

export function useKeys({ onSearch, onHelp }: { readonly onSearch: () => void; readonly onHelp: () => void }): void {
  useEffect(() => {
    let goneAt = -Infinity;
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (isWrittenIn(event.target)) {
        if (event.key === 'Escape' && event.target instanceof HTMLElement) event.target.blur();
        return;
      }
      const isChord = event.timeStamp - goneAt < chordMsMax;
      goneAt = event.key === 'g' ? event.timeStamp : -Infinity;
      const view = isChord ? views.find((one) => one.startsWith(event.key)) : undefined;
      if (view !== undefined) go(view);
      else if (event.key === '/') onSearch();
      else if (event.key === '?') onHelp();
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}

const isWrittenIn = (target: EventTarget | null): boolean =>
  target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || isTextField(target);

const isTextField = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement && !['checkbox', 'range', 'button'].includes(target.type);
