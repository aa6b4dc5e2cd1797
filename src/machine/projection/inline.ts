/**
 * Projections in the command's own transaction: its events change the rows of those that the partition keeps up with every
 * command. One whose handler throws is stopped in that transaction, alone; the command goes on. One that this node's code
 * does not have, or has for later, leaves from here on, and catches up once code that has it leads.
 */
import type { App } from '../app.ts';
import type { OnRow } from '../runtime.ts';
import { applyRow, targetIn } from './apply.ts';
import { projectionsOf, type AnyProjection } from './projection.ts';
import { WriteMeasure } from './rows.ts';
import { keptInline, leaveInline, projectionsSystem, stopInline, type ProjectionId } from './state.ts';

export function applyInline(app: App<unknown>): OnRow {
  const byName = new Map(projectionsOf(app).map((one) => [one.name, one] as const));
  const measure = new WriteMeasure();
  return (tx, machine, row) => {
    measure.clear();
    for (const id of keptInline(tx.system(projectionsSystem, 'local'))) {
      const projection = byName.get(id.name);
      if (projection === undefined || !isInline(projection, id)) {
        leaveInline(tx, id, row);
        continue;
      }
      const target = targetIn(tx, projection, measure);
      const applied = applyRow(target, machine, row);
      target.rows.write();
      if (applied.kind === 'stopped') stopInline(tx, id, row, applied);
    }
  };
}

const isInline = ({ '~projection': { codeVersion, update } }: AnyProjection, id: ProjectionId): boolean =>
  codeVersion === id.codeVersion && update === 'inline';
