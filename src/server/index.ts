/**
 * `lockstep/server`: an app over HTTP, as a function from `Request` to `Response` that mounts wherever `fetch` handlers do.
 * Start at `expose`: it lists what is reachable and asks you who may. `nodeHandler` serves all of a node to whoever has its
 * secret. `lockstep/server/node` is a server of its own for Node.
 */
export { allow } from '../machine/access.ts';
export type { Action, Allowed, Authorize } from '../machine/access.ts';
export { expose } from './api.ts';
export type { Api } from './api.ts';
export type { Handler } from './exchange.ts';
export type { HandlerLimits } from './limits.ts';
export { nodeHandler } from './node-handler.ts';
export type { NodeHandlerOptions } from './node-handler.ts';
export type { Problem } from './problem.ts';
export type { HandlerOptions } from './surface.ts';
