/** A table of transitions as SVG; its colours follow the reader's light or dark setting. Where all lies: `diagram.ts`. */
import { escapeXml } from '../kernel/xml.ts';
import type { AnyMachine } from './definition.ts';
import { layoutOf, tableOf, type Box, type Route } from './diagram.ts';

const style = `
.ls-machine{--paper:#fff;--ink:#1f2430;--edge:#6b7385;--box:#eef3fc;--line:#2f6fd6;--end:#eef0f5;font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media (prefers-color-scheme:dark){.ls-machine{--paper:#14171d;--ink:#dfe3ec;--edge:#8d97ab;--box:#1b2a44;--line:#78a9ff;--end:#1d222b}}
.ls-machine .paper{fill:var(--paper)}.ls-machine text{fill:var(--ink)}.ls-machine .state{fill:var(--box);stroke:var(--line);stroke-width:1.5}
.ls-machine .initial{stroke-width:3}.ls-machine .final{fill:var(--end);stroke:var(--edge)}.ls-machine .name{font-weight:600;text-anchor:middle}
.ls-machine .way{fill:none;stroke:var(--edge);stroke-width:1.3}.ls-machine .tip{fill:var(--edge)}
.ls-machine .label{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.ls-machine .arrow:hover .way{stroke:var(--line);stroke-width:2.5}.ls-machine .arrow:hover .tip{fill:var(--line)}
`;

/** @throws LockstepError `misuse` for a machine that is not a table. */
export function drawMachineSvg(machine: AnyMachine): string {
  const table = tableOf(machine);
  const { boxes, routes, width, height } = layoutOf(table);
  const leaving = new Set(routes.map(({ from }) => from));
  const kindOf = ({ state }: Box): string =>
    state === table.initial ? 'state initial' : leaving.has(state) ? 'state' : 'state final';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="ls-machine" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(machine.name)}">`,
    `<style>${style}</style>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    ...routes.map(drawWay),
    ...boxes.map((box) => drawBox(box, kindOf(box))),
    ...routes.map(drawLabel),
    '</svg>\n',
  ].join('\n');
}

function drawBox({ state, x, y, width, height }: Box, kind: string): string {
  const box = `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`;
  return `<g>${box}<text class="name" x="${x + width / 2}" y="${y + height / 2 + 4}">${escapeXml(state)}</text></g>`;
}

/** All that an arrow is, is in its tooltip; pointing at it shows its whole way. */
function drawWay({ from, to, labels, points }: Route): string {
  const [endX, endY] = points.at(-1) ?? [0, 0];
  const way = points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${x} ${y}`).join('');
  const title = `<title>${escapeXml(`${from} → ${to}: ${labels.join(', ')}`)}</title>`;
  const tip = `<path class="tip" d="M${endX} ${endY}l-4 -9h8Z"/>`;
  return `<g class="arrow">${title}<path class="way" d="${way}"/>${tip}</g>`;
}

const drawLabel = ({ labels, labelX, labelY }: Route): string =>
  `<text class="label" x="${labelX}" y="${labelY}">${escapeXml(labels.join(', '))}</text>`;
