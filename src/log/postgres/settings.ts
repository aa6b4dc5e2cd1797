/**
 * What the server that was found is worth: its version and settings, and the guarantees that follow. Settings are as
 * they are when the engine is opened; who changes them under it changes what an acknowledgement is worth.
 */
import { LockstepError } from '../../kernel/errors.ts';
import type { Guarantees } from '../port.ts';
import type { SqlClient } from './sql-client.ts';

/** The oldest that is taken, as `server_version_num`. */
export const serverVersionMin = 130_000;

export const payloadBytesMax = 1_048_576;

export interface ServerSettings {
  readonly versionNumber: number;
  readonly inRecovery: boolean;
  /** Null: this server does not have such a setting, and is no PostgreSQL that we know. */
  readonly fsync: string | null;
  readonly fullPageWrites: string | null;
  readonly synchronousCommit: string | null;
  readonly synchronousStandbyNames: string | null;
  /** How many standbys are connected. */
  readonly standbys: number;
}

const settingsText = `select current_setting('server_version_num'), pg_is_in_recovery()::text,
  current_setting('fsync', true), current_setting('full_page_writes', true),
  current_setting('synchronous_commit', true), current_setting('synchronous_standby_names', true),
  (select count(*)::text from pg_stat_replication)`;

export async function settingsOf(client: SqlClient): Promise<ServerSettings> {
  const [row] = await client.look(settingsText, []);
  const text = (at: number): string | null => (typeof row?.[at] === 'string' ? row[at] : null);
  return {
    versionNumber: Number(text(0)),
    inRecovery: text(1) === 'true',
    fsync: text(2),
    fullPageWrites: text(3),
    synchronousCommit: text(4),
    synchronousStandbyNames: text(5),
    standbys: Number(text(6)),
  };
}

/** @throws LockstepError `invalid` for a server that cannot keep the port; `unavailable` for a standby, which may yet be promoted. */
export function checkServer({ versionNumber, inRecovery }: ServerSettings): void {
  if (!(versionNumber >= serverVersionMin))
    throw new LockstepError('invalid', 'this PostgreSQL is too old', {
      values: { versionNumber, versionNumberMin: serverVersionMin },
      advice: ['use PostgreSQL 13 or newer'],
    });
  if (inRecovery)
    throw new LockstepError('unavailable', 'this PostgreSQL is a standby', {
      advice: [
        'connect to the primary, for example with `target_session_attrs=read-write` or through its virtual address',
      ],
    });
}

/** How far a commit waits, from the setting found: `off` would acknowledge what a crash of the server loses, so it is `on` here. */
export function commitWait(settings: Pick<ServerSettings, 'synchronousCommit'>): string {
  const known = ['local', 'remote_write', 'on', 'remote_apply'];
  return known.find((one) => one === settings.synchronousCommit) ?? 'on';
}

export interface Copies {
  /** How many standbys have a commit before it is acknowledged. */
  readonly waitedFor: number;
  /** Of how many. */
  readonly candidates: number;
}

const quorumShape = /^(?:(any|first)\s+)?(\d+)\s*\((.*)\)$/is;

/** `synchronous_standby_names`: a list (the first of it that is there), `FIRST n (list)`, `ANY n (list)`, `*` for whoever comes. */
export function copiesOf(names: string, standbys: number): Copies {
  const text = names.trim();
  if (text === '') return { waitedFor: 0, candidates: 0 };
  const match = quorumShape.exec(text);
  const waitedFor = match === null ? 1 : Number(match[2]);
  const listed = (match?.[3] ?? text).split(',').map((name) => name.trim());
  const candidates = listed.includes('*') ? Math.max(standbys, waitedFor) : listed.length;
  return { waitedFor, candidates: Math.max(candidates, waitedFor) };
}

/** Whether a commit waits for a standby. Then a confirmation must too: an old primary has none that would answer it. */
export function waitsForStandby(settings: ServerSettings): boolean {
  return (
    commitWait(settings) !== 'local' &&
    copiesOf(settings.synchronousStandbyNames ?? '', settings.standbys).waitedFor > 0
  );
}

export function postgresGuarantees(settings: ServerSettings): Guarantees {
  const { waitedFor, candidates } = copiesOf(settings.synchronousStandbyNames ?? '', settings.standbys);
  const synced = settings.fsync === 'on' && settings.fullPageWrites === 'on';
  const waits = waitsForStandby(settings);
  // Of the primary and the candidates, fewer than half may be lost with their disks: a copy must be on one of the others.
  const minority = synced && waits && waitedFor + 1 > Math.floor(candidates / 2);
  return Object.freeze({
    survives: minority ? 'minority' : synced ? 'machine' : 'process',
    failoverKeepsAcknowledged: waits,
    payloadBytesMax,
    because: [localWords(settings), waits ? remoteWords(commitWait(settings), waitedFor, candidates) : aloneWords].join(
      '; ',
    ),
  });
}

function localWords({ fsync, fullPageWrites }: ServerSettings): string {
  if (fsync === null || fullPageWrites === null) return 'this server does not say whether it syncs';
  if (fsync !== 'on') return '`fsync` is off: a loss of power may cost all of the database';
  if (fullPageWrites !== 'on') return '`full_page_writes` is off: a loss of power may tear a page';
  return 'a commit is synced to the disk of the primary before it is acknowledged';
}

const aloneWords =
  'no standby is waited for: a failover loses what it had not received, and nobody but a fence keeps an old primary from acknowledging';

function remoteWords(wait: string, waitedFor: number, candidates: number): string {
  const how = wait === 'remote_write' ? 'written, not synced, by' : 'synced by';
  return `and ${how} ${waitedFor} of ${candidates} standbys (\`${wait}\`): a failover to one of those that have it keeps it; a wait that somebody cancels, or standbys taken off the list, do not`;
}
