/** A shape as people write types, for messages: `{ currency: string, total?: integer }`. */
import type { Shape } from './contract.ts';

const unitsMax = 200;

export function shapeText(shape: Shape): string {
  const text = typeText(shape);
  return text.length <= unitsMax ? text : `${text.slice(0, unitsMax)}…`;
}

/** Properties that data of the old shape does not have, and that of the new one must have. */
export function missingIn(old: Shape, now: Shape): readonly string[] {
  const had = propertiesOf(old);
  return requiredOf(now).filter((name) => !had.some(([other]) => other === name));
}

function typeText(shape: unknown): string {
  if (typeof shape !== 'object' || shape === null) return 'unknown';
  if ('enum' in shape && Array.isArray(shape.enum)) return shape.enum.map((one) => JSON.stringify(one)).join(' | ');
  if ('const' in shape) return JSON.stringify(shape.const);
  const choices = 'anyOf' in shape ? shape.anyOf : 'oneOf' in shape ? shape.oneOf : null;
  if (Array.isArray(choices)) return choices.map(typeText).join(' | ');
  const properties = propertiesOf(shape);
  const required = requiredOf(shape);
  if (properties.length > 0) {
    const texts = properties.map(([name, of]) => `${name}${required.includes(name) ? '' : '?'}: ${typeText(of)}`);
    return `{ ${texts.join(', ')} }`;
  }
  if ('items' in shape) return `(${typeText(shape.items)})[]`;
  const type = 'type' in shape ? shape.type : 'unknown';
  return Array.isArray(type) ? type.join(' | ') : String(type);
}

const propertiesOf = (shape: object | null): readonly (readonly [string, unknown])[] =>
  shape !== null && 'properties' in shape && typeof shape.properties === 'object' && shape.properties !== null
    ? Object.entries(shape.properties)
    : [];

const requiredOf = (shape: object | null): readonly string[] =>
  shape !== null && 'required' in shape && Array.isArray(shape.required)
    ? shape.required.filter((name) => typeof name === 'string')
    : [];
