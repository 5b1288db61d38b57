/**
 * By which schemas the rows of topics are: whether those that come, or a plan, are of another one
 * than those of before. What a row was and what it is have other columns then, and what was
 * compared before says nothing.
 */
export class SeenSchemas {
  /** By topic, ids of values; that of the plan is the last one. */
  readonly #known: Map<string, number[]>;
  /** By topic, the id of the rows that have come last. */
  readonly #newest = new Map<string, number>();

  constructor(saved: Readonly<Record<string, readonly number[]>>) {
    this.#known = new Map(Object.entries(saved).map(([topic, ids]) => [topic, [...ids]]));
  }

  save(): Record<string, number[]> {
    return Object.fromEntries([...this.#known].map(([topic, ids]) => [topic, [...ids]]));
  }

  /**
   * Whether the plan had another schema before, which is the last one in the list. One of before
   * may come again with its number: when a column that came is dropped.
   */
  isPlannedAnew(topic: string, id: number): boolean {
    const known = this.#known.get(topic) ?? [];
    this.#known.set(topic, [...known.filter(other => other !== id), id]);
    return known.length > 0 && known.at(-1) !== id;
  }

  /** `ids`: of a batch. */
  isOther(topic: string, ids: ReadonlySet<number>, planned: number): boolean {
    const isBack = this.#isBack(topic, ids, planned);
    return this.#meet(topic, ids) || isBack;
  }

  /** Whether one of the schemas is new in the topic. */
  #meet(topic: string, ids: Iterable<number>): boolean {
    const known = this.#known.get(topic) ?? [];
    const before = known.length;
    for (const id of ids) if (!known.includes(id)) known.unshift(id);
    return known.length > before;
  }

  /**
   * Whether rows behind others are by another schema than those, which the plan does not have: one
   * of before that has come again, of which the plan is not heard yet.
   */
  #isBack(topic: string, ids: ReadonlySet<number>, planned: number): boolean {
    const last = this.#newest.get(topic);
    for (const id of ids) this.#newest.set(topic, id);
    return last !== undefined && [...ids].some(id => id !== last && id !== planned);
  }
}
