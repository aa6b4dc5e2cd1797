/** What `personal` lets the compiler know, what it lets through, and what is refused where it is declared. */
import { expect, expectTypeOf, test } from 'vitest';
import { defineApp } from '../machine/app.ts';
import type { EventsOf } from '../machine/definition.ts';
import { given } from '../machine/given.ts';
import { machine } from '../machine/machine.ts';
import { projection } from '../machine/projection/projection.ts';
import { checkNow, unchecked, type Schema } from '../machine/schema.ts';
import { versions } from '../machine/versions.ts';
import { xchacha20 } from './cipher.ts';
import { personal, subjects } from './index.ts';

interface Profile {
  readonly name: string;
  readonly phone?: string;
  readonly plan: string;
}

const misuse: unknown = expect.objectContaining({ kind: 'misuse' });
const profile = machine({
  name: 'profile',
  initial: (): { greeting: string } => ({ greeting: '' }),
  commands: { Change: unchecked<Profile>() },
  events: {
    Changed: versions(personal(unchecked<{ name: string }>(), ['name'])).next(
      personal(unchecked<Profile>(), ['name', 'phone']),
      ({ name }) => ({ name, plan: 'free' }),
    ),
  },
  decide: { Change: (_profile, data, { event }) => [event('Changed', data)] },
  evolve: { Changed: (_profile, { name }) => ({ greeting: `Hello ${name?.toUpperCase() ?? 'somebody'}` }) },
});

test('personal fields may be null, the others stay as they are, and only fields of the event are named', () => {
  expectTypeOf<EventsOf<typeof profile>['Changed']>().toEqualTypeOf<{
    readonly name: string | null;
    readonly phone?: string | null;
    readonly plan: string;
  }>();
  type Contact = { readonly by: 'mail'; readonly mail: string } | { readonly by: 'phone'; readonly phone: string };
  const contact = personal(unchecked<Contact>(), ['mail', 'phone']);
  expectTypeOf(contact).toExtend<
    Schema<
      { readonly by: 'mail'; readonly mail: string | null } | { readonly by: 'phone'; readonly phone: string | null }
    >
  >();
  // @ts-expect-error the event has no such field
  personal(unchecked<Profile>(), ['email']);
  // @ts-expect-error a text has no fields to name
  personal(unchecked<string>(), ['length']);
  machine({
    name: 'careless',
    initial: () => ({ length: 0 }),
    commands: {},
    events: { Changed: personal(unchecked<Profile>(), ['name']) },
    decide: {},
    // @ts-expect-error a name may be null
    evolve: { Changed: (_state, { name }) => ({ length: name.length }) },
  });
});

test('a decision is tested with what was forgotten as with anything else', () => {
  expect(given(profile, { type: 'Changed', data: { name: null, plan: 'free' } }).state.greeting).toBe('Hello somebody');
  expect(given(profile).when('Change', { name: 'Ann', plan: 'free' })).toMatchObject({ kind: 'decided' });
});

test('a schema that refuses null lets it through in personal fields alone', () => {
  const strict: Schema<Profile> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => {
        const issues = Object.entries(value as Profile).flatMap(([field, one]) =>
          one === null ? [{ message: 'Expected text', path: [{ key: field }] }] : [],
        );
        return issues.length === 0 ? { value: value as Profile } : { issues };
      },
    },
  };
  const schema = personal(strict, ['name']);
  const subject = { kind: 'event', name: 'profile.Changed' } as const;
  expect(checkNow(schema, { name: null, plan: 'free' }, subject)).toEqual({ name: null, plan: 'free' });
  expect(() => checkNow(schema, { name: null, plan: null }, subject)).toThrow(
    expect.objectContaining({ kind: 'invalid', advice: ['plan  Expected text'] }),
  );
});

test('where nothing would be forgotten it is refused', () => {
  expect(() => defineApp({ name: 'app', parts: [profile] })).toThrow(misuse);
  expect(() => personal(unchecked<Profile>(), [])).toThrow(misuse);
  expect(() => personal(versions(unchecked<Profile>()), ['name'])).toThrow(misuse);
  const names = {
    name: 'names',
    row: unchecked<{ name: string | null }>(),
    from: { profile, subjects },
    on: { profile: { Changed: () => undefined } },
  } as const;
  expect(() => projection(names)).toThrow(misuse);
  expect(
    projection({ ...names, on: { ...names.on, subjects: { Forgotten: ({ key }, rows) => rows.delete(key) } } }).name,
  ).toBe('names');
});

test('the cipher makes what is written down of it, and opens nothing that was changed', () => {
  // draft-irtf-cfrg-xchacha-03, appendix A.3.1: its plaintext begins with `Ladies`, its ciphertext with bd6d179d3e83.
  const bytes = (hex: string): Uint8Array =>
    Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const key = Uint8Array.from({ length: 32 }, (_, at) => 0x80 + at);
  const nonce = Uint8Array.from({ length: 24 }, (_, at) => 0x40 + at);
  const about = bytes('50515253c0c1c2c3c4c5c6c7');
  const text = xchacha20.seal(key, nonce, new TextEncoder().encode('Ladies'), about);
  expect(text.subarray(0, 6)).toEqual(bytes('bd6d179d3e83'));
  expect(new TextDecoder().decode(xchacha20.open(key, nonce, text, about) ?? undefined)).toBe('Ladies');
  expect(xchacha20.open(key, nonce, text, bytes('00'))).toBeNull();
  for (let at = 0; at < text.length; at++) {
    const changed = Uint8Array.from(text, (byte, place) => (place === at ? byte ^ 1 : byte));
    expect(xchacha20.open(key, nonce, changed, about)).toBeNull();
  }
});
