/** Light or dark: as the system has it, or as the reader chose, which this browser remembers. */
import { Store } from './store.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const key = 'lockstep-theme';

export function themeStore(): Store<Theme> {
  const kept = localStorage.getItem(key);
  const theme = new Store<Theme>(themes.find((one) => one === kept) ?? 'system');
  const show = (): void => {
    if (theme.value === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme.value;
  };
  show();
  theme.listen(() => {
    localStorage.setItem(key, theme.value);
    show();
  });
  return theme;
}

/** What is drawn by hand is drawn again when this changes. */
export function lookStore(theme: Store<Theme>): Store<string> {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const look = (): string => (theme.value === 'system' ? (dark.matches ? 'dark' : 'light') : theme.value);
  const store = new Store(look());
  theme.listen(() => store.set(look()));
  dark.addEventListener('change', () => store.set(look()));
  return store;
}
