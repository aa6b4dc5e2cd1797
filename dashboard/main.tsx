/** Begins the page. */
import { render } from 'preact';
import { Link } from './link.ts';
import { Page } from './page.tsx';
import { placeStore } from './place.ts';
import { lookStore, themeStore } from './theme.ts';
import { NodeWatch } from './watch-node.ts';

const root = document.getElementById('page');
if (root !== null) {
  const link = new Link();
  const node = new NodeWatch(link);
  const theme = themeStore();
  render(<Page context={{ link, node, place: placeStore(), look: lookStore(theme) }} theme={theme} />, root);
  node.run();
}
