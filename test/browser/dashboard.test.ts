/** The page at `/` in Chromium, over a real server: every view in every look, by keys alone, on links that are slow and broken. */
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { LockstepNode } from 'lockstep';
import { serve, type HttpServer } from 'lockstep/server/node';
import { openInMemory } from 'lockstep/sim';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { bundlePage } from '../../tools/dashboard.ts';
import { programOf } from '../servers/needs.ts';
import { order, payment, shop } from './dashboard-shop.ts';
import { faultsOfLook } from './dashboard-look.ts';

const program = programOf('chromium');
if (program === null) console.warn('SKIPPED: there is no chromium, so nothing shows that the page works in a browser');

const views = [
  'overview',
  'machines',
  'machines?machine=order&key=o1',
  'send?machine=order&command=Placed',
  'projections',
  'dead-letters',
];
const looks = [
  { colorScheme: 'light', viewport: { width: 1_600, height: 1_000 } },
  { colorScheme: 'dark', viewport: { width: 380, height: 800 } },
] as const;
const secret = 'sixteen-characters-and-more';

// With CI=true a missing browser is a failure: of `launch`, which then looks for one of its own.
describe.skipIf(program === null && process.env['CI'] !== 'true')('the page', () => {
  let html: string;
  let node: LockstepNode;
  let server: HttpServer;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const errors: string[] = [];

  beforeAll(async () => {
    [html, node, browser] = await Promise.all([
      bundlePage(),
      openInMemory(shop),
      chromium.launch({
        headless: true,
        args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
        ...(program === null ? {} : { executablePath: program }),
      }),
    ]);
    server = await serve(node, { port: 0, page: html });
    await node.send(order, 'unlucky', 'Placed', { customer: 'ann', lines: [] });
    for (const key of ['o1', 'o2']) {
      await node.send(order, key, 'Placed', { customer: 'ann', lines: [{ sku: 'tea', quantity: 2 }] });
      await node.send(payment, key, 'Receive', { amount: 500 });
    }
    await node.send(payment, 'ghost', 'Receive', { amount: 1 }); // its order is not there: a dead letter
    await node.send(payment, 'unlucky', 'Receive', { amount: 13 });
    for await (const { key, type } of node.events(order)) if (key === 'o2' && type === 'Approved') break;
    ({ context, page } = await opened());
  }, 30_000);

  afterAll(async () => {
    await browser.close();
    await server.close();
    await node.close();
  });

  afterEach(() => expect(errors.splice(0)).toEqual([]));

  async function opened(look: Parameters<Browser['newContext']>[0] = looks[0]) {
    const made = await browser.newContext(look);
    const tab = await made.newPage();
    tab.on('pageerror', (error) => errors.push(error.message));
    tab.on('console', (message) => {
      const isOfLink = message.text().startsWith('Failed to load resource'); // the browser's own word on a broken link
      if (!isOfLink) errors.push(message.text());
    });
    await tab.goto(`${server.url}/`);
    await tab.getByRole('heading', { name: 'Partitions' }).waitFor();
    return { context: made, page: tab };
  }

  /** As a link in it does. */
  const show = (tab: Page, view: string) => tab.evaluate(`location.hash = ${JSON.stringify(`#/${view}`)}`);

  test('is one file that asks nobody but its server, small, and soon there', async () => {
    expect(gzipSync(html).length).toBeLessThan(150_000);
    const asked = await page.evaluate<string[]>("performance.getEntriesByType('resource').map(({ name }) => name)");
    expect(asked.filter((url) => !url.startsWith(`${server.url}/`))).toEqual([]);
    const painted = await page.evaluate<number>("performance.getEntriesByName('first-contentful-paint')[0].startTime");
    expect(painted).toBeLessThan(2_000); // 500 ms on a machine that does nothing else
  });

  test.each(looks)('every view can be read: $colorScheme, $viewport.width pixels', async (look) => {
    const { context: own, page: tab } = await opened(look);
    for (const view of views) {
      await show(tab, view);
      await tab.locator('main h1').first().waitFor({ state: 'attached' });
      await tab.locator('main', { hasNotText: 'asking …' }).waitFor();
      expect({ view, faults: await tab.evaluate(faultsOfLook) }).toEqual({ view, faults: [] });
    }
    await own.close();
  });

  test('an event comes by itself, and leads to its instance, through time, with its place in the diagram', async () => {
    await show(page, 'overview');
    await node.send(order, 'o1', 'HandedOver');
    await page.getByRole('link', { name: 'order/o1@3' }).click();
    await page.getByRole('heading', { name: 'State behind version 3' }).waitFor();
    expect(await page.locator('.diagram .current').textContent()).toBe('shipped');
    await page.keyboard.press('[');
    await page.getByRole('heading', { name: 'State behind version 2' }).waitFor();
    expect(await page.locator('.diagram .current').textContent()).toBe('approved');
    expect(await page.locator('.line.new').first().textContent()).toContain('at: "approved"');
    await node.send(order, 'o1', 'Delivered');
    await page.getByText('4 events').waitFor(); // it came while one was looking back
    expect(await page.locator('output').textContent()).toBe('2 / 4');
  });

  test('by keys alone: to a view, to an instance, to the help and back, and where one is can be seen', async () => {
    await show(page, 'overview');
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    await page.getByRole('heading', { name: 'Dead letters' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('order/o2');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /^o2/ }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.keyboard.press('Tab');
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    expect(outline).toBe('solid');
  });

  test('a command is sent by a form made from its shape; what is wrong is told where it is', async () => {
    await show(page, 'send?machine=order&command=Placed&key=o3');
    await page.getByRole('button', { name: 'Send Placed' }).click();
    await page.getByText('is missing').waitFor();
    await page.getByLabel('customer').fill('bob');
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByLabel('sku').fill('tea');
    await page.getByLabel('quantity').fill('3');
    await page.getByRole('button', { name: 'Send Placed' }).click();
    await page.locator('.outcome .badge', { hasText: 'committed' }).waitFor();
    expect(await page.locator('.outcome').first().textContent()).toMatch(/version: 1.*token: /);
    await page.getByRole('button', { name: 'Send Placed' }).click();
    await page.locator('.outcome .badge', { hasText: 'rejected' }).waitFor();
    expect(await node.read(order, 'o3')).toMatchObject({ version: 1, state: { at: 'created' } });
  });

  test('a query answers as a table; a projection that stopped says why, and goes on', async () => {
    await show(page, 'projections');
    await page.getByLabel('customer').fill('ann');
    await page.getByRole('button', { name: 'Ask' }).click();
    const answer = page.getByRole('region', { name: 'Answer' });
    await answer.waitFor();
    expect(await answer.getByRole('row').count()).toBe(4); // of three orders and their head
    await page.getByText('takings have no thirteen').waitFor();
    await page.getByRole('button', { name: 'Go on without' }).click();
    await page.getByRole('button', { name: 'Its rows never have it' }).click();
    await page.getByText('stopped', { exact: true }).waitFor({ state: 'hidden' });
    expect((await node.projections()).map(({ kind }) => kind)).toEqual(['live', 'live']);
  });

  test('a dead letter is tried again, stays, and is dropped only when that is said twice', async () => {
    await show(page, 'dead-letters');
    await page.getByRole('button', { name: 'Try it again' }).click();
    await page.getByText('"code":"not-accepted"').waitFor();
    await page.getByRole('button', { name: 'Drop it …' }).click();
    expect(await node.deadLetters()).toHaveLength(1);
    await page.getByRole('button', { name: 'Drop it for good' }).click();
    await page.getByText('There are none.').waitFor();
    expect(await node.deadLetters()).toEqual([]);
  });

  test('a broken link is told since when, and all goes on by itself, in the same page', async () => {
    await show(page, 'overview');
    await page.evaluate("window.mark = 'the same page'");
    const { port } = new URL(server.url);
    await server.close();
    await page.getByText(/^Nobody answers since \d\d:\d\d:\d\d/).waitFor();
    await node.send(order, 'o9', 'Placed', { customer: 'eve', lines: [] });
    server = await serve(node, { port: Number(port), page: html });
    await page.getByText('Nobody answers').waitFor({ state: 'hidden' });
    await page.getByRole('link', { name: 'order/o9@1' }).waitFor();
    expect(await page.evaluate('window.mark')).toBe('the same page');
  });

  test('a slow link is told, and no more once it is fast', async () => {
    const link = await context.newCDPSession(page);
    const slow = { offline: false, latency: 1_600, downloadThroughput: -1, uploadThroughput: -1 };
    await link.send('Network.emulateNetworkConditions', slow);
    await page.getByText('Answers are slow since').waitFor();
    await link.send('Network.emulateNetworkConditions', { ...slow, latency: 0 });
    await page.getByText('Answers are slow since').waitFor({ state: 'hidden' });
  });

  test('a flood of events leaves it as large as it was', async () => {
    await show(page, 'overview');
    for (let round = 0; round < 4; round++)
      await Promise.all(
        Array.from({ length: 250 }, (_, at) =>
          node.send(order, `flood-${round}-${at}`, 'Placed', { customer: 'flood', lines: [] }),
        ),
      );
    await page.getByRole('link', { name: 'order/flood-3-249@1' }).waitFor();
    expect(await page.locator('table.events tbody tr').count()).toBeLessThanOrEqual(60);
  });

  test('where a secret is asked for it asks once, and the tab keeps it', async () => {
    const guarded = await serve(node, { port: 0, page: html, bearer: secret });
    const own = await browser.newContext();
    const tab = await own.newPage();
    await tab.goto(guarded.url);
    for (const [given, expected] of [
      ['of another node altogether', 'This is not its secret'],
      [secret, 'Partitions'],
    ] as const) {
      await tab.getByLabel(/secret/).fill(given);
      await tab.getByRole('button', { name: 'Go on' }).click();
      await tab.getByText(expected).first().waitFor();
    }
    await tab.getByRole('link', { name: 'order/o9@1' }).or(tab.getByText('leading')).first().waitFor();
    await tab.reload();
    await tab.getByText('leading').first().waitFor();
    await own.close();
    await guarded.close();
  });

  test('a page by another name of this machine, or of another origin, is told nothing of the node', async () => {
    const { port, host } = new URL(server.url);
    const statusOf = (path: string, headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        const asked = request({ host: '127.0.0.1', port, path, headers }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        asked.once('error', reject).end();
      });
    const same = { 'sec-fetch-site': 'same-origin' };
    expect(await statusOf('/partitions', { host, ...same })).toBe(200);
    expect(await statusOf('/partitions', { host: `evil.test:${port}`, ...same })).toBe(401);
    expect(await statusOf('/partitions', { host, origin: 'http://localhost:9', 'sec-fetch-site': 'same-site' })).toBe(
      401,
    );
    expect(await statusOf('/partitions', { host, 'sec-fetch-site': 'cross-site' })).toBe(401);
  });
});
