/**
 * Node's HTTP, without what comes with it: `import` of `node:http` reads all its exports, of which one is `WebSocket`, and so
 * loads all of Node's `fetch`, HTTP/2 and TLS: ten times what the rest takes, 80 ms at every start.
 */
import type * as Http from 'node:http';

export const http: typeof Http = process.getBuiltinModule('node:http');
