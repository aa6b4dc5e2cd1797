/** How the files of tables are called: their number, with zeros, so that lists are in order. */
const shape = /^(\d{8,16})\.table$/;

export const tableName = (number: number): string => `${String(number).padStart(8, '0')}.table`;

export const tablePath = (directory: string, number: number): string => `${directory}/${tableName(number)}`;

/** Null for the name of another file. */
export function numberOfTable(name: string): number | null {
  const digits = shape.exec(name)?.[1];
  return digits === undefined || tableName(Number(digits)) !== name ? null : Number(digits);
}
