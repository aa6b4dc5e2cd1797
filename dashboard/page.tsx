/** The frame around all views: where to go, what to look for, whether the node answers, and what keys do. */
import { useEffect, useRef } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Context } from './context.ts';
import { useKeys } from './keys.ts';
import type { Link, LinkState } from './link.ts';
import { go, hashOf, titles, views, type View } from './place.ts';
import { useStore, type Store } from './store.ts';
import { themes, type Theme } from './theme.ts';
import { timeText } from './words.ts';
import { DeadLetters } from './views/dead-letters.tsx';
import { Machines } from './views/machines.tsx';
import { Overview } from './views/overview.tsx';
import { ProjectionsView } from './views/projections.tsx';
import { Send } from './views/send.tsx';

export function Page({ context, theme }: { readonly context: Context; readonly theme: Store<Theme> }): JSX.Element {
  const { link, node, place } = context;
  const { view } = useStore(place);
  const app = useStore(node.app);
  const state = useStore(link.state);
  const search = useRef<HTMLInputElement>(null);
  const help = useRef<HTMLDialogElement>(null);
  useKeys({ onSearch: () => search.current?.focus(), onHelp: () => help.current?.showModal() });
  useEffect(() => {
    document.title = app === null ? 'Lockstep' : `${titles[view]} · ${app.app}`;
  }, [view, app]);
  return (
    <>
      <a class="skip" href="#main" onClick={focusMain}>
        To the content
      </a>
      <header>
        <a class="brand" href={hashOf('overview')}>
          Lockstep <span class="faint">{app?.app ?? ''}</span>
        </a>
        <nav aria-label="Views">
          {views.map((one) => (
            <a key={one} href={hashOf(one)} aria-current={one === view ? 'page' : undefined}>
              {titles[one]}
            </a>
          ))}
        </nav>
        <Search field={search} context={context} />
        <ThemeButton theme={theme} />
        <button type="button" class="icon" aria-label="Keys" title="Keys (?)" onClick={() => help.current?.showModal()}>
          ?
        </button>
      </header>
      <Banner state={state} link={link} />
      <main id="main" tabIndex={-1}>
        <ViewOf view={view} context={context} />
      </main>
      <Help dialog={help} />
    </>
  );
}

/** The address is that of the view: the link must not change it. */
function focusMain(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function ViewOf({ view, context }: { readonly view: View; readonly context: Context }): JSX.Element {
  switch (view) {
    case 'overview':
      return <Overview {...context} />;
    case 'machines':
      return <Machines {...context} />;
    case 'send':
      return <Send {...context} />;
    case 'projections':
      return <ProjectionsView {...context} />;
    case 'dead-letters':
      return <DeadLetters {...context} />;
  }
}

/** `MACHINE/KEY`, or a key of the first machine; suggested are those that something happened to lately. */
function Search({
  field,
  context,
}: {
  readonly field: { current: HTMLInputElement | null };
  readonly context: Context;
}): JSX.Element {
  const app = useStore(context.node.app);
  const events = useStore(context.node.events) ?? [];
  const lately = [...new Set(events.map(({ machine, key }) => `${machine}/${key}`))].slice(0, 20);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const input = field.current;
    const text = input?.value.trim() ?? '';
    if (input === null || text === '') return;
    const view = views.find((one) => titles[one].toLowerCase() === text.toLowerCase());
    const machines = Object.keys(app?.machines ?? {});
    const machine = machines.find((one) => text === one || text.startsWith(`${one}/`));
    if (view !== undefined) go(view);
    else if (machine !== undefined) go('machines', { machine, key: text.slice(machine.length + 1) });
    else go('machines', { machine: machines[0], key: text });
    input.value = '';
    input.blur();
  };
  return (
    <form role="search" aria-label="Instances" class="search" onSubmit={submit}>
      <input
        ref={field}
        type="search"
        list="instances"
        placeholder="machine/key  ( / )"
        aria-label="Find an instance: machine/key"
        autocomplete="off"
        spellcheck={false}
      />
      <datalist id="instances">
        {lately.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </form>
  );
}

const themeSigns: Readonly<Record<Theme, string>> = { system: '◐', light: '☀', dark: '☾' };

function ThemeButton({ theme }: { readonly theme: Store<Theme> }): JSX.Element {
  const now = useStore(theme);
  const next = themes[(themes.indexOf(now) + 1) % themes.length] ?? 'system';
  return (
    <button
      type="button"
      class="icon"
      aria-label={`Colours: ${now}; choose ${next}`}
      title={`Colours: ${now}`}
      onClick={() => theme.set(next)}
    >
      {themeSigns[now]}
    </button>
  );
}

function Banner({ state, link }: { readonly state: LinkState; readonly link: Link }): JSX.Element {
  if (state.kind === 'locked') return <Unlock wasWrong={state.wasWrong} link={link} />;
  return (
    <div role="status" aria-live="polite">
      {state.kind === 'lost' && (
        <p class="banner bad">
          Nobody answers since {timeText(state.since)}. What you see is from before; it goes on by itself once the node
          is back.
        </p>
      )}
      {state.kind === 'slow' && (
        <p class="banner warn">Answers are slow since {timeText(state.since)}: what you see may be some seconds old.</p>
      )}
    </div>
  );
}

function Unlock({ wasWrong, link }: { readonly wasWrong: boolean; readonly link: Link }): JSX.Element {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const bearer = new FormData(event.currentTarget as HTMLFormElement).get('bearer');
    if (typeof bearer === 'string' && bearer !== '') link.unlock(bearer);
  };
  return (
    <form class="banner warn row" onSubmit={submit} aria-label="Secret">
      <label for="bearer">{wasWrong ? 'This is not its secret. Another one:' : 'This node asks for its secret:'}</label>
      <input type="text" autocomplete="username" value="lockstep" readOnly hidden />
      <input id="bearer" name="bearer" type="password" required autocomplete="current-password" />
      <button type="submit">Go on</button>
      <span>It is kept until this tab is closed.</span>
    </form>
  );
}

const keys: readonly (readonly [string, string])[] = [
  ['/', 'find an instance'],
  ...views.map((view) => [`g ${view[0] ?? ''}`, titles[view]] as const),
  ['[ ]', 'one event back, one event on'],
  ['?', 'this'],
  ['Esc', 'leaves a field, closes this'],
];

function Help({ dialog }: { readonly dialog: { current: HTMLDialogElement | null } }): JSX.Element {
  return (
    <dialog ref={dialog} aria-labelledby="help">
      <h2 id="help">Keys</h2>
      <dl class="facts">
        {keys.map(([key, does]) => (
          <>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}
