import { expect, test } from 'vitest';
import { escapeXml } from './xml.ts';

test('what would end an element or an attribute is written as an entity, what XML cannot hold as U+FFFD', () => {
  expect(escapeXml(`a<b> & "c" 'd'`)).toBe('a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;');
  expect(escapeXml('tab\tand\u0000\ud800')).toBe('tab\tand\ufffd\ufffd');
});
