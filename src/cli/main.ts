#!/usr/bin/env node
/** The `lockstep` command as a process. What it does is in command.ts. */
import { command } from './command.ts';

process.exitCode = await command(process.argv.slice(2));
