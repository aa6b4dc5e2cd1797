/** What the pages of verdicts have in common: one HTML file that needs nothing else, in the reader's colours. */
import { escapeXml } from '../kernel/xml.ts';

/** Of a character in pictures, in pixels. */
export const characterWidth = 7.4;

const style = `
:root{color-scheme:light dark;--ink:#1f2430;--soft:#6b7385;--edge:#d5dae4;--bar:#e4ecfb;--bar-edge:#2f6fd6;--free:#f1e6cf;--free-edge:#b26a00;--bad:#fdeceb;--bad-edge:#c7362f}
@media (prefers-color-scheme:dark){:root{--ink:#dfe3ec;--soft:#8d97ab;--edge:#323945;--bar:#1c2a44;--bar-edge:#78a9ff;--free:#3a3322;--free-edge:#e3a94a;--bad:#3a1d1e;--bad-edge:#ff7b72}body{background:#14171d}}
body{margin:0 auto;max-width:1200px;padding:20px;font:14px/1.45 system-ui,sans-serif;color:var(--ink)}
h1{font-size:18px;margin:0 0 12px}h2{font-size:15px;margin:24px 0 8px}.picture{overflow-x:auto}pre{font:12px/1.5 ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
svg{font:12px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}svg text{fill:var(--ink)}.life{stroke:var(--edge)}.name{font-weight:600}
.placed rect,.plain rect{fill:var(--bar);stroke:var(--bar-edge)}.free rect{fill:var(--free);stroke:var(--free-edge);stroke-dasharray:4 3}
.stuck rect{fill:var(--bad);stroke:var(--bad-edge);stroke-width:2}.way{fill:none;stroke:var(--soft);stroke-dasharray:2 3}.dot{fill:var(--soft)}
`;

/** The page; `parts` are HTML, one after the other. `styles`: what its pictures add. */
export function htmlPage(title: string, parts: readonly string[], styles = ''): string {
  const heading = escapeXml(title);
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>${heading}</title><style>${style}${styles}</style></head><body>`,
    `<h1>${heading}</h1>`,
    ...parts,
    '</body></html>\n',
  ].join('\n');
}
