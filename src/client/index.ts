/**
 * `lockstep/client`: Lockstep from afar, wherever `fetch` is. `createClient<typeof api>(url)` is for browsers and whoever is
 * not trusted: typed by what `expose` lists, and by nothing else. `connect(url, { bearer })` is for services that are: the
 * verbs of a node with the definitions themselves.
 */
export { createClient } from './client.ts';
export type { ClientOptions } from './client.ts';
export { connect } from './connect.ts';
export type { ConnectOptions, RemoteConnection } from './connect.ts';
export type { Client, ClientOf } from '../machine/access.ts';
