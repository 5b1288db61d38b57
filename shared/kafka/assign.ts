/**
 * Who gets which slots: sticky and even. A slot moves only if its owner is gone or has more than
 * its share. A slot that moves from a living owner is given to nobody in this round: the owner
 * gives it up first and asks for another round, so two members never hold it by assignment.
 */
export interface Candidate {
  readonly memberId: string;
  /** Slots it holds, from the round (generation) it got them in. */
  readonly owned: readonly number[];
  readonly generation: number;
}

export function assignSlots(
  slots: number,
  candidates: readonly Candidate[],
): Map<string, number[]> {
  const members = [...candidates].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const owner = currentOwners(slots, members);
  const kept = new Map<string, number[]>(members.map(m => [m.memberId, []]));
  const floor = Math.floor(slots / Math.max(1, members.length));
  let extra = slots - floor * members.length;
  for (const { memberId } of ranked(members, owner)) {
    const held = [...owner].filter(([, m]) => m === memberId).map(([slot]) => slot);
    const quota = held.length > floor && extra > 0 ? floor + 1 : floor;
    if (quota > floor) extra--;
    kept.set(memberId, held.slice(0, quota));
  }
  for (let slot = 0; slot < slots; slot++) {
    if (!owner.has(slot)) shortest(kept)?.push(slot);
  }
  return kept;
}

/** Slots on the move are not counted, so nobody gets more than its share in the next round. */
function shortest(kept: Map<string, number[]>): number[] | undefined {
  let found: number[] | undefined;
  for (const held of kept.values()) if (!found || held.length < found.length) found = held;
  return found;
}

/** The claim of the newest round wins: an older one is of a member that slept through a round. */
function currentOwners(slots: number, members: readonly Candidate[]): Map<number, string> {
  const owner = new Map<number, string>();
  const round = new Map<number, number>();
  for (const { memberId, owned, generation } of members) {
    for (const slot of owned) {
      if (slot < 0 || slot >= slots || generation <= (round.get(slot) ?? -2)) continue;
      owner.set(slot, memberId);
      round.set(slot, generation);
    }
  }
  return owner;
}

/** Who holds most comes first, so that the extra slots stay where they are. */
function ranked(members: readonly Candidate[], owner: Map<number, string>): Candidate[] {
  const held = new Map<string, number>();
  for (const m of owner.values()) held.set(m, (held.get(m) ?? 0) + 1);
  const count = (m: Candidate): number => held.get(m.memberId) ?? 0;
  return [...members].sort((a, b) => count(b) - count(a));
}
