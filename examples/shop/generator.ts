/**
 * The process of those who use the shop, beside the node: `node examples/shop/generator.ts DATA LEDGER RATE SEED`. It finds
 * the node by its data directory, however often that starts again, and goes on where it was. It ends by SIGINT or SIGTERM, and
 * when whoever forked it is gone.
 */
import { connect, hostEnv } from 'lockstep';
import { LedgerFolder, readLedger } from './ledger.ts';
import { nextNumber, traffic } from './traffic.ts';

const [data = '.lockstep/shop', folder = '.lockstep/shop-ledger', rate = '10', seed = 'web'] = process.argv.slice(2);
const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.once(signal, () => ending.abort());

const first = nextNumber(seed, readLedger(folder));
const ledger = new LedgerFolder(folder);
try {
  const options = { seed, first, rate: Number(rate), ledger, positions: ledger, signal: ending.signal };
  await traffic(hostEnv, connect(data), options);
} finally {
  ledger.close();
  process.disconnect?.();
}
