/**
 * The connection to the node: asks, follows, and knows whether anybody answers. The secret, where one is asked for, is kept
 * as long as the tab.
 */
import { remoteSetup } from '../src/client/client.ts';
import { Remote } from '../src/client/remote.ts';
import { webPorts } from '../src/server/web-ports.ts';
import { Store } from './store.ts';

export type LinkState =
  | { readonly kind: 'opening' | 'up' }
  /** Answers come, and late. */
  | { readonly kind: 'slow'; readonly since: Date }
  | { readonly kind: 'lost'; readonly since: Date }
  /** The node asks for a secret; `wasWrong`: for another one. */
  | { readonly kind: 'locked'; readonly wasWrong: boolean };

const bearerKey = 'lockstep-bearer';
/** An answer that is not there by then is late. */
const lateMs = 1_500;

export class Link {
  readonly state: Store<LinkState> = new Store<LinkState>({ kind: 'opening' });
  readonly remote: Remote;

  constructor(url = '') {
    const headers = (): Record<string, string> => {
      const bearer = sessionStorage.getItem(bearerKey);
      return bearer === null ? {} : { authorization: `Bearer ${bearer}` };
    };
    this.remote = new Remote(remoteSetup(url, { headers, fetch: (...asked) => this.#fetch(...asked) }));
  }

  unlock(bearer: string): void {
    sessionStorage.setItem(bearerKey, bearer);
    this.state.set({ kind: 'opening' });
  }

  /** Resolves when no secret is missing. */
  unlocked(): Promise<void> {
    if (this.state.value.kind !== 'locked') return Promise.resolve();
    return new Promise((resolve) => {
      const end = this.state.listen(() => {
        if (this.state.value.kind === 'locked') return;
        end();
        resolve();
      });
    });
  }

  /** Asks; whoever waits for long is told so meanwhile. */
  async timed<T>(ask: () => Promise<T>): Promise<T> {
    const since = new Date();
    const late = setTimeout(() => {
      if (['up', 'opening'].includes(this.state.value.kind)) this.state.set({ kind: 'slow', since });
    }, lateMs);
    try {
      const answer = await ask();
      if (Date.now() - since.getTime() < lateMs && this.state.value.kind !== 'locked') this.state.set({ kind: 'up' });
      return answer;
    } catch (error) {
      if (!['locked', 'lost'].includes(this.state.value.kind)) this.state.set({ kind: 'lost', since });
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  async #fetch(...[input, init]: Parameters<typeof webPorts.fetch>): Promise<Response> {
    const bearer = sessionStorage.getItem(bearerKey);
    try {
      const response = await webPorts.fetch(input, init);
      const { kind } = this.state.value;
      if (response.status !== 401) {
        if (kind === 'lost' || kind === 'locked') this.state.set({ kind: 'up' });
      } else if (bearer === sessionStorage.getItem(bearerKey)) {
        this.state.set({ kind: 'locked', wasWrong: bearer !== null }); // nobody has given another one meanwhile
      }
      return response;
    } catch (error) {
      const { kind } = this.state.value;
      if (init?.signal?.aborted !== true && kind !== 'lost' && kind !== 'locked')
        this.state.set({ kind: 'lost', since: new Date() });
      throw error;
    }
  }
}
