// The volumes and models the page knows, and the selects that list them. A volume is {name, nifti, window, synthetic};
// a model {name, blob}. Both may begin as `fetched`: a function to get the bytes when they are first wanted.

/** The promise, whose failure says which file it is about. */
export async function naming(name, promise) {
  try {
    return await promise;
  } catch (error) {
    throw new Error(`${name}: ${error.message}`);
  }
}

export class Library {
  /** `selects`: the elements that list these things; `open(entry)` fills an entry whose bytes have come. */
  constructor(selects, open) {
    this.selects = selects;
    this.open = open;
    this.entries = [];
  }

  /** Lists an entry {name, blob or fetched} and returns its place. */
  add(entry) {
    this.entries.push(entry);
    for (const select of this.selects) {
      const option = new Option(entry.name, String(this.entries.length - 1));
      select.add(option);
    }
    return this.entries.length - 1;
  }

  /** The entry that a select stands on, opened; null where none is. */
  async chosen(select) {
    const entry = this.entries[Number(select.value)];
    if (select.value === "" || !entry) return null;
    // Two selects may ask for one entry at once: it is opened once, and again after a failure.
    entry.opening ??= this.fill(entry).catch((error) => {
      entry.opening = null;
      throw error;
    });
    await entry.opening;
    return entry;
  }

  async fill(entry) {
    entry.blob ??= await entry.fetched();
    Object.assign(entry, await naming(entry.name, this.open(entry.blob)));
  }
}
