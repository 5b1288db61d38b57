/** Recovery times by group of faults, and their table. */

export class Recovery {
  readonly #times = new Map<string, number[]>();

  add(group: string, ms: number): void {
    const times = this.#times.get(group) ?? [];
    times.push(ms);
    this.#times.set(group, times);
  }

  merge(other: Recovery): void {
    for (const [group, times] of other.#times) for (const ms of times) this.add(group, ms);
  }

  table(): string {
    if (this.#times.size === 0) return '';
    const width = Math.max(...[...this.#times.keys()].map(g => g.length));
    const line = (group: string, cells: string[]) =>
      `  ${group.padEnd(width)}${cells.map(c => c.padStart(9)).join('')}`;
    const rows = [...this.#times]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([group, times]) => {
        const sorted = times.toSorted((a, b) => a - b);
        const at = (i: number) => `${((sorted[i] ?? 0) / 1000).toFixed(1)} s`;
        const middle = Math.floor((sorted.length - 1) / 2);
        return line(group, [`${sorted.length}`, at(0), at(middle), at(sorted.length - 1)]);
      });
    return [line('until all flows again', ['faults', 'min', 'median', 'max']), ...rows].join('\n');
  }
}
