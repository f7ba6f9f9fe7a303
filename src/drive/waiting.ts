/** Rows in line: those before `first` have left, and of the others all that are not marked; so many are `left`. */
interface Line {
  rows: number[];
  first: number;
  left: number;
}

/** Rows that wait at their GPUs for a place in their DPU's queue, first come, first served; each step takes the same however many wait. */
export class Waiting {
  readonly #lines = new Map<number, Line>();
  /** 1 for a row that waits. */
  readonly #waits: Uint8Array;

  constructor(rows: number) {
    this.#waits = new Uint8Array(rows);
  }

  /** DPUs that somebody waits for. */
  get dpus(): Iterable<number> {
    return this.#lines.keys();
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  has(dpu: number): boolean {
    return this.#lines.has(dpu);
  }

  /** Has a row wait behind all others of a DPU. */
  add(dpu: number, row: number): void {
    const line = this.#lines.get(dpu);
    if (line) {
      line.rows.push(row);
      line.left++;
    } else this.#lines.set(dpu, { rows: [row], first: 0, left: 1 });
    this.#waits[row] = 1;
  }

  /** The first of those who wait for a DPU, up to `most` of them, who wait no longer. */
  take(dpu: number, most: number): number[] {
    const taken: number[] = [];
    const line = this.#lines.get(dpu);
    while (line && line.left > 0 && taken.length < most) {
      const row = line.rows[line.first++]!;
      if (this.#leave(dpu, line, row)) taken.push(row);
    }
    return taken;
  }

  /** Takes a row out of the line of its DPU; false if it does not wait. */
  leave(dpu: number, row: number): boolean {
    const line = this.#lines.get(dpu);
    return line !== undefined && this.#leave(dpu, line, row);
  }

  #leave(dpu: number, line: Line, row: number): boolean {
    if (this.#waits[row] === 0) return false;
    this.#waits[row] = 0;
    if (--line.left === 0) this.#lines.delete(dpu);
    return true;
  }
}
