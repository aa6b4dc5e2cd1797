/**
 * A page around the SVG: filters by node and kind, and the table of all events with their whole text. The script reads
 * attributes of the page only and holds no data of the run, so nothing of it needs escaping for scripts.
 */
import { escapeXml } from '../kernel/xml.ts';
import type { DiagramLayout } from './diagram-layout.ts';
import { drawSvg } from './diagram-svg.ts';
import { filterable, timeText } from './diagram-words.ts';

const style = `
:root{color-scheme:light dark;--edge:#d5dae4;--soft:#6b7385;--bad:#c7362f}
@media (prefers-color-scheme:dark){:root{--edge:#323945;--soft:#8d97ab;--bad:#ff7b72}}
body{margin:0 auto;max-width:1200px;padding:20px;font:14px/1.45 system-ui,sans-serif}
@media (prefers-color-scheme:dark){body{background:#14171d;color:#dfe3ec}}
h1{font-size:18px;margin:0 0 12px}fieldset{border:1px solid var(--edge);border-radius:8px;margin:0 0 8px;padding:4px 12px}
legend{color:var(--soft);font-size:12px}label{display:inline-block;margin-right:14px;white-space:nowrap}
.picture{overflow-x:auto;margin:12px 0}table{border-collapse:collapse;font:12px/1.5 ui-monospace,Menlo,Consolas,monospace;width:100%}
th,td{border-bottom:1px solid var(--edge);padding:2px 10px;text-align:left;vertical-align:top;white-space:nowrap}td:last-child{white-space:pre-wrap;overflow-wrap:anywhere;width:60%}
th{color:var(--soft);position:sticky;top:0;background:Canvas}td.number{text-align:right;white-space:nowrap;color:var(--soft)}
@media (prefers-color-scheme:dark){th{background:#14171d}}
tr.fail td,tr.crash td,tr.lost td,tr.fault td,tr.cut td{color:var(--bad)}.hidden{display:none}svg .hidden{display:inline;opacity:.15}
`;

const script = `
const boxes = [...document.querySelectorAll('input')];
const apply = () => {
  const on = (group) => new Set(boxes.filter((box) => box.name === group && box.checked).map((box) => box.value));
  const nodes = on('node'), kinds = on('kind');
  for (const row of document.querySelectorAll('[data-kind]')) {
    const { kind, node, peer } = row.dataset;
    row.classList.toggle('hidden', !kinds.has(kind) || !(nodes.has(node) || nodes.has(peer)));
  }
};
for (const box of boxes) box.addEventListener('change', apply);
apply();
`;

export function drawHtml(layout: DiagramLayout, title: string | null): string {
  const name = escapeXml(title ?? 'space-time diagram');
  const events = layout.rows.map(({ event }) => event);
  const nodes = [...layout.nodes, ...(events.some(({ node }) => node === 'world') ? ['world'] : [])];
  const kinds = [...new Set(events.map(({ kind }) => kind))].toSorted();
  const rows = events.map(({ atMs, sequence, kind, node, peer, message, text }) => {
    const cells = [kind, node, peer ?? '', message === null ? '' : String(message), text];
    const numbers = [sequence, timeText(atMs)].map((cell) => `<td class="number">${cell}</td>`);
    const words = cells.map((cell) => `<td>${escapeXml(cell)}</td>`);
    return `<tr class="${kind}" ${filterable(kind, node, peer)}>${numbers.join('')}${words.join('')}</tr>`;
  });
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>${name}</title><style>${style}</style></head><body>`,
    `<h1>${name}</h1>`,
    `<form autocomplete="off">${choices('node', nodes)}${choices('kind', kinds)}</form>`,
    `<div class="picture">${drawSvg(layout, null)}</div>`,
    '<table><thead><tr><th>#</th><th>ms</th><th>kind</th><th>node</th><th>peer</th><th>message</th><th>text</th></tr></thead><tbody>',
    ...rows,
    `</tbody></table><script>${script}</script></body></html>\n`,
  ].join('\n');
}

function choices(group: string, values: readonly string[]): string {
  const boxes = values.map((value) => {
    const safe = escapeXml(value);
    return `<label><input type="checkbox" name="${group}" value="${safe}" checked> ${safe}</label>`;
  });
  return `<fieldset><legend>${group}</legend>${boxes.join('')}</fieldset>`;
}
