import { expect, test } from 'vitest';
import { layOut } from './diagram-layout.ts';
import { htmlDiagram, svgDiagram, textDiagram } from './diagram.ts';
import type { TraceEvent, TraceKind } from './trace.ts';

class Story {
  readonly events: TraceEvent[] = [];
  add(
    atMs: number,
    kind: TraceKind,
    node: string,
    text: string,
    peer: string | null = null,
    message: number | null = null,
  ) {
    this.events.push({ atMs, sequence: this.events.length + 1, kind, node, peer, message, text });
    return this;
  }
}

/** One of everything, with a message of each fate. */
function everything(): readonly TraceEvent[] {
  return new Story()
    .add(1, 'deliver', 'b', 'old', 'a', 1)
    .add(2, 'send', 'a', 'x', 'b', 2)
    .add(3, 'deliver', 'b', 'x', 'a', 2)
    .add(3, 'disk', 'b', 'write log 0+4')
    .add(3.5, 'send', 'a', 'y', 'c', 3)
    .add(4, 'pause', 'b', 'paused')
    .add(5, 'lost', 'a', 'the stream breaks', 'c', 3)
    .add(6, 'cut', 'a', 'cut to c', 'c')
    .add(7, 'fault', 'c', 'sync fails')
    .add(8, 'crash', 'c', 'killed')
    .add(2_008, 'resume', 'b', 'resumed')
    .add(2_009, 'mend', 'a', 'mended to c', 'c')
    .add(2_010, 'start', 'c', 'again')
    .add(2_010, 'timer', 'c', 'timer')
    .add(2_010, 'job', 'c', 'compact')
    .add(2_011, 'clock', 'a', 'set back by 3 s')
    .add(2_012, 'note', 'a', 'has x')
    .add(2_013, 'send', 'c', 'z', 'a', 4)
    .add(2_014, 'end', 'b', 'returned')
    .add(2_015, 'fail', 'world', 'lost update\nreplay: seed 7').events;
}

test('messages are paired by number: delivered, lost, under way, and sent before the first row', () => {
  const { arrows, nodes } = layOut(everything(), 100);
  expect(nodes).toEqual(['a', 'b', 'c']);
  expect(arrows).toEqual([
    { fromColumn: 0, toColumn: 1, fromRow: null, toRow: 0, end: 'delivered', text: 'old' },
    { fromColumn: 0, toColumn: 1, fromRow: 1, toRow: 2, end: 'delivered', text: 'x' },
    { fromColumn: 0, toColumn: 2, fromRow: 4, toRow: 6, end: 'lost', text: 'y' },
    { fromColumn: 2, toColumn: 0, fromRow: 17, toRow: null, end: 'under-way', text: 'z' },
  ]);
});

test('states become spans of rows, also those that began before the first row or have not ended', () => {
  const spans = layOut(
    new Story()
      .add(1, 'resume', 'a', 'resumed')
      .add(2, 'start', 'b', 'started')
      .add(3, 'crash', 'b', 'killed')
      .add(4, 'cut', 'a', 'cut', 'b')
      .add(5, 'cut', 'a', 'cut again', 'b')
      .add(6, 'mend', 'b', 'mended', 'a').events,
    100,
  ).spans;
  expect(spans).toEqual([
    { kind: 'paused', column: 0, peerColumn: null, fromRow: -1, toRow: 0 },
    { kind: 'absent', column: 1, peerColumn: null, fromRow: -1, toRow: 1 },
    { kind: 'cut', column: 1, peerColumn: 0, fromRow: -1, toRow: 5 },
    { kind: 'dead', column: 1, peerColumn: null, fromRow: 2, toRow: 6 },
    { kind: 'cut', column: 0, peerColumn: 1, fromRow: 3, toRow: 6 },
  ]);
});

test('a long time without events is marked, an even pace is not', () => {
  const gaps = layOut(everything(), 100).rows.map(({ gapMs }) => gapMs);
  expect(gaps.filter((gap) => gap !== null)).toEqual([2_000]);
  expect(gaps[10]).toBe(2_000);
});

test('nodes are in the order of the numbers in their names', () => {
  const story = new Story();
  for (const node of ['node-10', 'node-9', 'client', 'node-1', 'world']) story.add(1, 'note', node, 'here');
  expect(layOut(story.events, 100).nodes).toEqual(['client', 'node-1', 'node-9', 'node-10']);
});

test('only the last events are drawn, and it says how many are not', () => {
  const story = new Story();
  for (let count = 0; count < 500; count++) story.add(count, 'note', 'a', `event-${count};`);
  for (const drawn of [svgDiagram(story.events), htmlDiagram(story.events)]) {
    expect(drawn).toContain('300 earlier events are not drawn');
    expect(drawn).not.toContain('event-299;');
    expect(drawn).toContain('event-300;');
  }
  expect(textDiagram(story.events, { eventCountMax: 2 })).toBe(
    [
      '498 earlier events are not drawn',
      '       ms  a',
      '   498.00  ◉             a: event-498;',
      '   499.00  ◉             a: event-499;',
      '',
    ].join('\n'),
  );
});

test('in text a message is one stroke when nothing lies between, and two with its number otherwise', () => {
  expect(textDiagram(everything(), { title: 'everything', width: 80 }).replaceAll('\u2009', '_')).toBe(
    `everything

       ms  a        b        c
     1.00  │───────▶●        │        #1 b ← a: old
     2.00  ●───────▶●        │        #2 (1.0 ms) a → b: x
     3.00  │        ■        │        b: write log 0+4
     3.50  ●────────┼───────▷│        #3 a → c: y
     4.00  │        ‖        │        b: paused
     5.00  │────────┼───────✕│        #3 a: the stream breaks
     6.00  ┿        ░        │        a: cut to c
     7.00  │        ░        ▲        c: sync fails
     8.00  │        ░        ✖        c: killed
           ⋮        ⋮        ⋮        2.0 s later
 2_008.00  │        ▸        ╎        b: resumed
 2_009.00  ┼        │        ╎        a: mended to c
 2_010.00  │        │        ▼        c: again
           │        │        ·        c: timer
           │        │        ◆        c: compact
 2_011.00  ◷        │        │        a: set back by 3 s
 2_012.00  ◉        │        │        a: has x
 2_013.00  │◁───────┼────────●        #4 c → a: z
 2_014.00  │        ○        │        b: returned
✗ lost update
replay: seed 7
`,
  );
});

test('colours are codes around the same characters, none unless asked for, and lines keep their width', () => {
  const plain = textDiagram(everything(), { width: 60 });
  const colored = textDiagram(everything(), { width: 60, color: true });
  expect(plain).not.toContain('\u001b');
  expect(colored).toContain('\u001b[31;1m');
  const stripped = colored.replace(/\u001b\[[\d;]*m/g, '').replace(/ +$/gm, '');
  expect(stripped).toBe(plain);
  expect(Math.max(...plain.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(60);
});

const hostile = `<script>alert("1")</script> & ' \u0000 \ud800 ]]> \u001b[2J`;

/** Fails on what is not well-formed: every tag closed in order, no stray < or &, no bad character. */
function checkXml(xml: string): void {
  expect(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u.exec(xml)).toBeNull();
  const open: string[] = [];
  const rest = xml.replace(
    /<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
    (_, end: string, name: string, __, empty: string) => {
      if (end === '/') expect(open.pop()).toBe(name);
      else if (empty !== '/') open.push(name);
      return '';
    },
  );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]|&(?!(amp|lt|gt|quot|#39);)/);
}

test('SVG is well-formed whatever names and texts hold, and nothing of them is markup', () => {
  const story = new Story()
    .add(1, 'send', hostile, hostile, 'b', 1)
    .add(2, 'cut', hostile, hostile, hostile)
    .add(3, 'pause', hostile, hostile)
    .add(4, 'crash', 'b', hostile)
    .add(5, 'fail', hostile, hostile);
  for (const events of [everything(), story.events, []]) {
    const svg = svgDiagram(events, { title: hostile });
    checkXml(svg);
    expect(svg).not.toContain('<script>');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  }
});

test('HTML holds every event with its whole text, and no markup of theirs', () => {
  const long = 'a very long text '.repeat(20);
  const events = new Story().add(1, 'note', 'a', long).add(2, 'note', hostile, hostile).events;
  const html = htmlDiagram(events, { title: hostile });
  expect(html).toContain(`<td>${long}</td>`);
  expect(html.match(/<script>/g)).toHaveLength(1);
  expect(html).not.toContain('alert("1")');
  expect(html).not.toMatch(/(src|href)=|url\(|@import/);
});

test('text steers no terminal', () => {
  const text = textDiagram(new Story().add(1, 'note', hostile, hostile).add(2, 'fail', 'b', hostile).events, {
    title: hostile,
  });
  expect([...text].filter((character) => character < ' ' && character !== '\n')).toEqual([]);
});

test('every kind of event is drawn: it has its tooltip in SVG and its line in text', () => {
  const events = everything();
  const [svg, text] = [svgDiagram(events), textDiagram(events, { width: 120 })];
  for (const { sequence, kind } of events) expect(svg).toContain(`event ${sequence}: ${kind}\n`);
  for (const event of events.filter(({ kind }) => kind !== 'deliver')) expect(text).toContain(event.text);
});
