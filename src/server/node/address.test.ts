/** A path of plain names means the same as to a `URL`, and everything else is read as one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Addresses } from './address.ts';

const part = fc.stringMatching(/^[\w.~%+'"<>\\^`{|}@:;=?&/-]{0,12}$/);
const target = fc.tuple(
  fc.constantFrom('/', '//', '/a/', '/machines/account/'),
  part,
  fc.constantFrom('', '?key=', '?#'),
  part,
);
const host = fc.constantFrom('127.0.0.1:4000', 'bank.test', '[::1]:80', 'BANK.test');

test('an address is what a URL makes of it', () => {
  const addresses = new Addresses();
  fc.assert(
    fc.property(target, host, (parts, name) => {
      const url = parts.join('');
      const address = addresses.of({ url, headers: { host: name } });
      const expected = URL.parse(`http://${name}${url}`);
      expect(address?.pathname).toBe(expected?.pathname);
      expect([...(address?.searchParams ?? [])]).toEqual([...(expected?.searchParams ?? [])]);
      expect([address?.href, address?.host, address?.hostname]).toEqual([
        expected?.href,
        expected?.host,
        expected?.hostname,
      ]);
    }),
    { numRuns: 1_000 },
  );
});

test('what does not begin with a slash names no place here', () => {
  for (const url of ['', '*', 'http://bank.test/', 'bank.test:80'])
    expect(new Addresses().of({ url, headers: { host: 'bank.test' } })).toBeNull();
});

test('a host is a host: it has no path, no user and no end', () => {
  for (const name of [
    '',
    'a b',
    'x:99999',
    'bank.test/api',
    'bank.test/../x',
    'bank.test?',
    'bank.test#',
    'me@127.0.0.1',
    '\\x',
  ])
    expect(new Addresses().of({ url: '/a', headers: { host: name } })).toBeNull();
  expect(new Addresses().of({ url: '/a', headers: {} })).toBeNull();
});
