/** How long a walk over many items may hold the event loop at a time. ms. */
const SLICE_MS = 5;

/** Visits every item; requests are served in between, however many items there are. */
export async function inSlices<T>(items: Iterable<T>, visit: (item: T) => void): Promise<void> {
  let end = performance.now() + SLICE_MS;
  let count = 0;
  for (const item of items) {
    visit(item);
    count += 1;
    if (count % 256 !== 0 || performance.now() < end) continue;
    await new Promise(setImmediate);
    end = performance.now() + SLICE_MS;
  }
}
