/** What all diagrams say in words: an event in one line, a time and a duration. */
import { escapeXml } from '../kernel/xml.ts';
import type { TraceEvent } from './trace.ts';

/** An event in one line. */
export function eventText({ kind, node, peer, text }: TraceEvent): string {
  if (node === 'world') return text;
  const way = peer === null ? '' : kind === 'send' ? ` → ${peer}` : kind === 'deliver' ? ` ← ${peer}` : '';
  return `${node}${way}: ${text}`;
}

/** Milliseconds since the run began, with two decimals and thousands apart: `12 345.60`. */
export const timeText = (atMs: number): string => atMs.toFixed(2).replace(/\B(?=(\d{3})+\.)/g, '\u2009');

/** A duration in its natural unit. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}

/** At most so many characters, cut with an ellipsis. */
export function cut(text: string, lengthMax: number): string {
  const characters = [...text];
  return characters.length <= lengthMax ? text : `${characters.slice(0, Math.max(0, lengthMax - 1)).join('')}…`;
}

/** As `cut`, but the end stays: names of nodes differ there. */
export function cutStart(text: string, lengthMax: number): string {
  const characters = [...text];
  return characters.length <= lengthMax ? text : `…${characters.slice(characters.length - lengthMax + 1).join('')}`;
}

/** Lines of at most `lengthMax` characters, broken at line breaks, and between words where there are any. */
export function wrap(text: string, lengthMax: number, lineCountMax: number): readonly string[] {
  const lines = text.split('\n').flatMap((line) => wrapLine(line.trim(), lengthMax));
  if (lines.length <= lineCountMax) return lines;
  return [...lines.slice(0, lineCountMax - 1), cut(lines.slice(lineCountMax - 1).join(' '), lengthMax)];
}

function wrapLine(line: string, lengthMax: number): readonly string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > lengthMax) {
    const space = rest.lastIndexOf(' ', lengthMax);
    const at = space > lengthMax / 2 ? space : lengthMax;
    lines.push(rest.slice(0, at).trimEnd());
    rest = rest.slice(at).trimStart();
  }
  return [...lines, rest];
}

/** What the filters of a page go by. A message is shown while either of its ends is. */
export const filterable = (kind: string, node: string, peer: string | null): string =>
  `data-kind="${escapeXml(kind)}" data-node="${escapeXml(node)}" data-peer="${escapeXml(peer ?? '')}"`;
