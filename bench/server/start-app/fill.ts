/** Makes the events that a start finds: `node fill.ts DIRECTORY EVENTS`. */
import { open } from 'lockstep';
import app, { tally } from './app.ts';

const [data = '', events = ''] = process.argv.slice(2);
const instances = 1_000;
const times = 100;
const node = await open(app, { data });
for (let done = 0; done < Number(events); done += instances * times) {
  const keys = Array.from({ length: instances }, (_, at) => `tally-${at}`);
  await Promise.all(keys.map((key) => node.send(tally, key, 'Count', { times })));
}
await node.close();
