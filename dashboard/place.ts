/** Where the reader is, as the address says behind `#`: which view, and of what. Going back and links work as everywhere. */
import { Store } from './store.ts';

export const views = ['overview', 'machines', 'send', 'projections', 'dead-letters'] as const;
export type View = (typeof views)[number];

export interface Place {
  readonly view: View;
  readonly about: Readonly<Record<string, string>>;
}

export const titles: Readonly<Record<View, string>> = {
  overview: 'Overview',
  machines: 'Machines',
  send: 'Send',
  projections: 'Projections',
  'dead-letters': 'Dead letters',
};

export function placeOf(hash: string): Place {
  const [name = '', search = ''] = hash.replace(/^#\/?/, '').split('?');
  const view = views.find((one) => one === name) ?? 'overview';
  return { view, about: Object.fromEntries(new URLSearchParams(search)) };
}

export function hashOf(view: View, about: Readonly<Record<string, string | undefined>> = {}): string {
  const said = Object.entries(about).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '',
  );
  return `#/${view}${said.length === 0 ? '' : `?${new URLSearchParams(said).toString()}`}`;
}

export function placeStore(): Store<Place> {
  const place = new Store(placeOf(location.hash));
  addEventListener('hashchange', () => place.set(placeOf(location.hash)));
  return place;
}

export const go = (view: View, about: Readonly<Record<string, string | undefined>> = {}): void => {
  location.hash = hashOf(view, about);
};

/** The same place seen otherwise: no step to go back to. */
export const goInPlace = (view: View, about: Readonly<Record<string, string | undefined>>): void => {
  history.replaceState(null, '', hashOf(view, about));
  dispatchEvent(new HashChangeEvent('hashchange'));
};
