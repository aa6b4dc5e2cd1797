/** What every view is given: the node, what is known of it, and where the reader is. */
import type { Link } from './link.ts';
import type { Place } from './place.ts';
import type { Store } from './store.ts';
import type { NodeWatch } from './watch-node.ts';

export interface Context {
  readonly link: Link;
  readonly node: NodeWatch;
  readonly place: Store<Place>;
  readonly look: Store<string>;
}
