/** An address is what a `URL` makes of it; what that would read as another path is none. */
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

test('an address is what a URL makes of it, or it is none', () => {
  const addresses = new Addresses();
  fc.assert(
    fc.property(target, host, (parts, name) => {
      const url = parts.join('');
      const address = addresses.of({ url, headers: { host: name } });
      const expected = new URL(`http://${name}${url}`);
      const [path] = url.split('?');
      if (address === null) {
        expect([expected.pathname, url.includes('#')]).not.toEqual([path, false]);
        return;
      }
      const { pathname, href, host: authority, hostname } = address;
      expect([pathname, expected.pathname, url.includes('#')]).toEqual([path, path, false]);
      expect([...address.searchParams]).toEqual([...expected.searchParams]);
      expect([href, authority, hostname]).toEqual([expected.href, expected.host, expected.hostname]);
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
