/** The contract of the ownership port: who is seen to run, until when, and on what a directory lies. */
import { describe, expect } from 'vitest';
import { claimsIn, kindOf, type World } from './world.ts';

export function ownershipContract(name: string, world: World): void {
  describe(`${name} keeps the contract of Ownership`, () => {
    const claim = claimsIn(world);

    claim('a process has a number and a host', async ({ ownership }) => {
      expect(ownership.self.pid).toBeGreaterThan(0);
      expect(ownership.self.host).not.toBe('');
    });

    claim('who shows itself runs until it ends that, and nobody runs where nobody did', async ({ ownership }) => {
      const beacon = await ownership.show('ann.sock');
      const shown = { ...ownership.self, proof: beacon.proof };
      for (let times = 0; times < 3; times++) expect(await ownership.look('ann.sock', shown)).toBe('runs');
      expect(await ownership.look('bob.sock', shown)).toBe('ended');
      await beacon.end();
      await beacon.end();
      expect(await ownership.look('ann.sock', shown)).toBe('ended');
    });

    claim('a path that somebody shows itself at is in use', async ({ ownership }) => {
      const beacon = await ownership.show('ann.sock');
      expect(await kindOf(() => ownership.show('ann.sock'))).toBe('in-use');
      expect(await ownership.look('ann.sock', { ...ownership.self, proof: beacon.proof })).toBe('runs');
      await beacon.end();
    });

    claim('paths of any length, and a directory to be shown in', async ({ disk, ownership }) => {
      const deep = `${'a-long-name-of-a-directory/'.repeat(6)}end`;
      disk.makeDirectory(deep);
      const beacon = await ownership.show(`${deep}/ann.sock`);
      const shown = { ...ownership.self, proof: beacon.proof };
      expect(await ownership.look(`${deep}/ann.sock`, shown)).toBe('runs');
      expect(await ownership.look(`${deep}/bob.sock`, shown)).toBe('ended');
      await beacon.end();
      expect(await ownership.look(`${deep}/ann.sock`, shown)).toBe('ended');
    });

    claim('what is shown is no file to list, and its path can be removed by whoever tidies up', async (env) => {
      const beacon = await env.ownership.show('ann.sock');
      expect(env.disk.list('')).toEqual([]);
      await env.disk.remove('ann.sock');
      await beacon.end();
    });

    claim('a directory lies on a file system, one that is not there on none', async ({ ownership, disk }) => {
      disk.makeDirectory('logs');
      expect(['local', 'unknown', 'unproven']).toContain(ownership.fileSystemOf('logs').kind);
      expect(await kindOf(() => ownership.fileSystemOf('nothing'))).toBe('disk-failed');
    });

    claim('paths outside of the tree are misuse', async ({ ownership }) => {
      expect(await kindOf(() => ownership.show('../ann.sock'))).toBe('misuse');
      expect(await kindOf(() => ownership.fileSystemOf('/'))).toBe('misuse');
    });
  });
}
