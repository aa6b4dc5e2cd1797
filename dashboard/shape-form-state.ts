/** What a form made from a shape holds while it is filled in, for whoever shows one and does something with it. */
import { useState } from 'preact/hooks';
import { emptyOf, problemsOf, type Shape } from './shape.ts';
import type { ShapeFormAbout } from './shape-form.tsx';

export interface ShapeFormState {
  readonly value: unknown;
  /** Whether what is written can be read: else there is nothing to send. */
  readonly isReadable: boolean;
  /** For `ShapeForm`. */
  readonly about: Omit<ShapeFormAbout, 'legend' | 'example'>;
  /** For `onSubmit`: goes on where nothing is wrong, else what is wrong is told from then on. */
  readonly submitting: (goOn: () => void) => (event: Event) => void;
}

export function useShapeForm(shape: Shape): ShapeFormState {
  const [value, setValue] = useState<unknown>(() => emptyOf(shape));
  const [isReadable, setReadable] = useState(true);
  const [isTried, setTried] = useState(false);
  return {
    value,
    isReadable,
    about: { shape, value, onChange: setValue, onReadable: setReadable, isTried },
    submitting: (goOn) => (event) => {
      event.preventDefault();
      setTried(true);
      if (problemsOf(shape, value).length === 0) goOn();
    },
  };
}
