/** The Redis that benchmarks start: ours alone, and gone without a trace when it is stopped. */
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { programOf } from './needs.ts';
import { startRedis } from './redis.ts';

const program = programOf('redis-server');

function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('error', reject);
    socket.once('connect', () => socket.write(command));
    socket.setEncoding('utf8').once('data', (text: string) => {
      socket.destroy();
      resolve(text);
    });
  });
}

test.skipIf(program === null)(
  'a Redis of our own syncs before it answers, and stops with its folder removed',
  async () => {
    const server = await startRedis(program ?? '', 'always');
    try {
      expect(await ask(server.port, 'PING\r\n')).toBe('+PONG\r\n');
      expect(await ask(server.port, 'CONFIG GET append*\r\n')).toMatch(/appendonly\r\n\$3\r\nyes/);
      expect(await ask(server.port, 'CONFIG GET appendfsync\r\n')).toMatch(/always/);
      expect(existsSync(server.folder)).toBe(true);
    } finally {
      await server.stop();
    }
    expect(existsSync(server.folder)).toBe(false);
    await expect(ask(server.port, 'PING\r\n')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  },
);

test('a program that is no Redis is told with what it said', async () => {
  await expect(startRedis(process.execPath, 'always')).rejects.toThrow('redis-server did not start');
});
