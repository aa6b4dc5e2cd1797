/** A walk over the syntax tree: every node once, outside in, with the nodes around it. Types of nodes are ESTree's. */
import type { Program } from 'oxc-parser';

export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export function walk(program: Program, visit: (node: Node, parents: readonly Node[]) => void): void {
  step(program as unknown as Node, [], visit);
}

function step(node: Node, parents: Node[], visit: (node: Node, parents: readonly Node[]) => void): void {
  visit(node, parents);
  parents.push(node);
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) step(item, parents, visit);
    } else if (isNode(value)) step(value, parents, visit);
  }
  parents.pop();
}

export function isNode(value: unknown): value is Node {
  return (
    typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value
  );
}

/** The name of an identifier, else undefined. */
export function nameOf(value: unknown): string | undefined {
  return isNode(value) && value.type === 'Identifier' && typeof value['name'] === 'string' ? value['name'] : undefined;
}

/** `a.b` as 'a.b' where both are plain names; `#private`, `a[b]` and calls are undefined. */
export function dotted(value: unknown): string | undefined {
  if (!isNode(value) || value.type !== 'MemberExpression' || value['computed'] === true) return undefined;
  const [object, property] = [nameOf(value['object']), nameOf(value['property'])];
  return object === undefined || property === undefined ? undefined : `${object}.${property}`;
}
