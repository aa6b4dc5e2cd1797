import { expect, test } from 'vitest';
import { elementIn, elementsIn, failureIn } from './answers.ts';

const answer = (status: number, text = '', headers: Readonly<Record<string, string>> = {}) => ({
  status,
  headers: new Headers(headers),
  body: new TextEncoder().encode(text),
});

test('elements are found by name, with their text as it was meant', () => {
  const xml =
    '<?xml version="1.0"?><A xmlns="x"><Key>a&amp;b&lt;&#x41;&#66;</Key><KeyCount>2</KeyCount><Key/><Key></Key></A>';
  expect(elementsIn(xml, 'Key')).toEqual(['a&b<AB', '']);
  expect([elementIn(xml, 'KeyCount'), elementIn(xml, 'None')]).toEqual(['2', null]);
});

test('each refusal has the kind by which callers act', () => {
  const error = (code: string): string => `<Error><Code>${code}</Code><Message>m</Message></Error>`;
  const kinds: readonly [number, string, string][] = [
    [403, error('AccessDenied'), 'rejected'],
    [403, error('RequestTimeTooSkewed'), 'rejected'],
    [403, '', 'rejected'],
    [301, '', 'invalid'],
    [404, error('NoSuchBucket'), 'invalid'],
    [501, error('NotImplemented'), 'invalid'],
    [503, error('SlowDown'), 'overloaded'],
    [503, '', 'overloaded'],
    [429, '', 'overloaded'],
    [409, error('ConditionalRequestConflict'), 'unavailable'],
    [400, error('RequestTimeout'), 'unavailable'],
    [500, error('InternalError'), 'unknown'],
    [200, error('InternalError'), 'unknown'],
    [502, '<html>', 'unknown'],
    [507, error('XMinioStorageFull'), 'disk-full'],
    [400, error('Strange'), 'rejected'],
  ];
  for (const [status, text, kind] of kinds) expect(failureIn(answer(status, text), 'PUT a').kind).toBe(kind);
});

test('a refusal says what was asked and what was answered', () => {
  const headers = { 'x-amz-request-id': 'r1', date: 'Sun', 'x-amz-bucket-region': 'eu-west-1' };
  const { values } = failureIn(answer(301, '<Error><Code>PermanentRedirect</Code></Error>', headers), 'GET pointer');
  expect(values).toMatchObject({
    asked: 'GET pointer',
    code: 'PermanentRedirect',
    itsRegion: 'eu-west-1',
    requestId: 'r1',
  });
});
