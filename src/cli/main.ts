#!/usr/bin/env node
/**
 * The `lockstep` command as a process. What it does is in command.ts, which is compiled once for all times that it runs: a
 * third of the time to start. Nothing is loaded before it is known that this Node can.
 */
import module from 'node:module';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major > 22 || (major === 22 && minor >= 18)) {
  module.enableCompileCache();
  const { command } = await import('./command.ts');
  process.exitCode = await command(process.argv.slice(2));
} else {
  console.error(`misuse: lockstep needs Node 22.18 or newer running=\`${process.version}\``);
  console.error('  Install it (nvm install 24), or for this project alone: npm i -D node@24');
  process.exitCode = 1;
}
