/** The name that somebody who mistyped one may have meant. */

/** Null: none is near enough to be worth a question. */
export function nearest(name: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let distanceMax = Math.max(Math.min(2, name.length - 1), Math.floor(name.length / 3)) + 1;
  for (const one of known) {
    const distance = distanceOf(name, one);
    if (distance >= distanceMax) continue;
    distanceMax = distance;
    best = one;
  }
  return best;
}

/** How many letters are to be put in, taken out or changed (Levenshtein), row by row. */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
