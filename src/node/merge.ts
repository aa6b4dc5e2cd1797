/** Several streams as one, each in its own order, one item at a time; items of different streams come as they are there. */

/** `sources` end by themselves, or by the signal that they were given: `stop` is to abort it. */
export async function* merged<T>(
  sources: readonly AsyncGenerator<T, void, undefined>[],
  stop: () => void,
): AsyncGenerator<T, void, undefined> {
  const pending = new Map(sources.map((source) => [source, nextOf(source)] as const));
  try {
    while (pending.size > 0) {
      const { source, result } = await Promise.race(pending.values());
      if (result.done === true) pending.delete(source);
      else {
        yield result.value;
        pending.set(source, nextOf(source));
      }
    }
  } finally {
    stop();
    await Promise.allSettled(pending.values());
  }
}

const nextOf = async <T>(
  source: AsyncGenerator<T, void, undefined>,
): Promise<{ source: AsyncGenerator<T, void, undefined>; result: IteratorResult<T, void> }> => ({
  source,
  result: await source.next(),
});
