/** Work on one thing, one piece behind the other, in the order in which it was asked for. */
export class InTurn {
  /** By name, the end of the newest piece. */
  readonly #ends = new Map<string, Promise<void>>();

  /** A piece that fails fails alone: the next one begins all the same. */
  run(name: string, work: () => Promise<void>): Promise<void> {
    const before = this.#ends.get(name) ?? Promise.resolve();
    const mine = before.then(work);
    this.#ends.set(
      name,
      mine.catch(() => {}),
    );
    return mine;
  }
}
