/** The command line in this process: what a command prints, and its exit code. */
import { vi } from 'vitest';
import { command } from '../../src/cli/command.ts';

export interface Printed {
  readonly code: number;
  /** Line by line, whether to standard output or to standard error. */
  readonly said: string;
  /** To standard output. */
  readonly out: string;
  /** To standard error. */
  readonly told: string;
}

export async function lockstep(...words: readonly string[]): Promise<Printed> {
  const printed = { said: '', out: '', told: '' };
  const to = (stream: 'out' | 'told') => (line: string) => {
    printed[stream] += `${line}\n`;
    printed.said += `${line}\n`;
  };
  const spies = [
    vi.spyOn(console, 'log').mockImplementation(to('out')),
    vi.spyOn(console, 'error').mockImplementation(to('told')),
  ];
  try {
    return { code: await command(words), ...printed };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
