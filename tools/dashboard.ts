/**
 * `node tools/dashboard.ts`: the page at `/` of a node, from dashboard/ into the one file dist/dashboard/index.html, with its
 * scripts and styles in it. Fails where it is larger than it may be.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { sourceCondition } from './exports.ts';

export const pageFile = 'dist/dashboard/index.html';
/** Of the page as it goes over the wire. */
const gzipBytesMax = 150_000;

/** The page as text. */
export async function bundlePage(): Promise<string> {
  const [script, style] = await Promise.all([bundled('dashboard/main.tsx'), bundled('dashboard/style.css')]);
  return readFileSync('dashboard/index.html', 'utf8')
    .replace('<style></style>', () => `<style>${style}</style>`)
    .replace('<script type="module"></script>', () => `<script type="module">${script}</script>`);
}

async function bundled(path: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'browser', // an import of `node:…` fails the build
    target: ['chrome123', 'firefox121', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    conditions: [sourceCondition],
    legalComments: 'none',
    logLevel: 'silent',
  });
  // What ends the element that it stands in would end it there too.
  return (outputFiles[0]?.text ?? '').trim().replaceAll(/<\/(script|style)/gi, '<\\/$1');
}

export async function buildPage(): Promise<boolean> {
  const page = await bundlePage();
  mkdirSync(dirname(pageFile), { recursive: true });
  writeFileSync(pageFile, page);
  const [gzip, brotli] = [gzipSync(page).length, brotliCompressSync(page).length];
  console.log(`${pageFile}: ${page.length} bytes, ${gzip} with gzip, ${brotli} with brotli`);
  if (gzip <= gzipBytesMax) return true;
  console.log(`the page is too large: at most ${gzipBytesMax} bytes with gzip`);
  return false;
}

if (import.meta.main) process.exitCode = (await buildPage()) ? 0 : 1;
