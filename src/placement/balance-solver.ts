import { NONE } from "../../assembly/layout.ts";
import { combined, ROUNDING } from "./balance-bounds.ts";
import type { Part } from "./balance-groups.ts";
import { layOutPart, type PartMemory } from "./balance-memory.ts";
import type { CompleteBalance, Limits } from "./balance-problem.ts";

/** Fractions of the way to the bound that a shaken plan is asked to go. */
const STRIDES = [1 / 2, 1 / 8, 1 / 32];
/** Steps between two looks at the clock. */
const STEPS = 256;
/** Moves without end, as kernels count them. */
const ENDLESS = 2 ** 30;

/** What is taken on: a layer's part, what its GPUs bear besides (`[scenario][active GPU]`), and how low is low enough. */
export interface Task {
  layer: number;
  part: Part;
  base?: readonly Float64Array[];
  bound: number;
  /** By active GPU: what it holds in the plan in force. */
  held?: readonly (readonly number[])[];
}

/** One part after the other, all of one shape, in one workspace. Experts and GPUs have their places in the part as numbers. */
export class PartSolver {
  readonly #balance: CompleteBalance;
  readonly #memory: PartMemory;
  #task!: Task;
  #bound = 1;
  #best: Uint32Array = new Uint32Array();
  #bestLoad = Number.POSITIVE_INFINITY;

  constructor(balance: CompleteBalance, part: Part, seed: number) {
    this.#balance = balance;
    this.#memory = layOutPart(balance, part, seed);
  }

  /** Begins with a part. */
  take(task: Task): void {
    const { rows, weights } = this.#balance;
    const { layer, part, base, held } = task;
    const { experts, gpus } = part;
    this.#task = task;
    const { loads, base: bases, behind } = this.#memory;
    loads.fill(0, 0, experts.length);
    bases.fill(0);
    rows.forEach((row, s) => {
      experts.forEach((expert, e) => {
        const load = row[layer]![expert]!;
        loads[(s + behind) * experts.length + e] = load;
        if (behind > 0) loads[e]! += weights[s]! * load;
      });
      gpus.forEach((gpu, g) => {
        const load = base ? base[s]![gpu]! : 0;
        bases[(s + behind) * gpus.length + g] = load;
        if (behind > 0) bases[g]! += weights[s]! * load;
      });
    });
    this.#memory.forgetHeld();
    if (held) {
      const placeOf = new Map(experts.map((expert, e) => [expert, e]));
      gpus.forEach((gpu, g) => {
        for (const expert of held[gpu]!) {
          const e = placeOf.get(expert);
          if (e !== undefined) this.#memory.noteHeld(e, g);
        }
      });
    }
    this.#best = new Uint32Array();
    this.#bestLoad = Number.POSITIVE_INFINITY;
    this.#bound = Math.max(task.bound, this.#mean());
  }

  /** What the part's GPUs bear on average, of all scenarios combined. */
  #mean(): number {
    const { experts, gpus } = this.#task.part;
    const { loads, base, behind } = this.#memory;
    const sum = (values: Float64Array, row: number, length: number) =>
      values.subarray(row * length, (row + 1) * length).reduce((a, b) => a + b, 0);
    const means = this.#balance.rows.map(
      (_, s) => (sum(loads, s + behind, experts.length) + sum(base, s + behind, gpus.length)) / gpus.length,
    );
    return combined(this.#balance, means);
  }

  /** What the busiest GPU bears in each scenario. */
  #busiest(): number[] {
    const { gpuLoads, behind, slotsOf } = this.#memory;
    const gpus = slotsOf.length;
    return this.#balance.rows.map((_, s) =>
      gpuLoads.subarray((s + behind) * gpus, (s + behind + 1) * gpus).reduce((a, b) => Math.max(a, b), 0),
    );
  }

  #load(): number {
    return combined(this.#balance, this.#busiest());
  }

  #current(): Uint32Array {
    return this.#memory.expertOfSlot.slice();
  }

  #keepBetter(): boolean {
    const busiest = this.#load();
    if (!(busiest < this.#bestLoad - 1e-12)) return false;
    this.#bestLoad = busiest;
    this.#best = this.#current();
    return true;
  }

  #restore(plan: Uint32Array): void {
    this.#memory.expertOfSlot.set(plan);
    this.#memory.load();
  }

  /** Sets levels that GPUs are to come down to: one for the worst, or each scenario's so much below its busiest. */
  #setLevels(level: number, stride: number): void {
    const { levels } = this.#memory;
    const { rows, over } = this.#balance;
    if (rows.length === 1) levels[0] = level;
    else {
      const busiest = over === "mean" ? this.#busiest() : [];
      levels[0] = Number.MAX_VALUE;
      rows.forEach((_, s) => {
        levels[1 + s] = over === "mean" ? busiest[s]! - stride : level;
      });
    }
  }

  #level(gap: number, steps: number, endMs: number): void {
    const aim = this.#bound * (1 + gap);
    for (let done = 0; done < steps && performance.now() < endMs; done += STEPS)
      if (this.#memory.level(aim, Math.min(STEPS, steps - done)) < STEPS) break;
  }

  /** From nothing: packs, and swaps until the gap is `gap` or no swap helps. */
  pack({ gap, endMs }: Limits): void {
    this.#memory.pack();
    this.#keepBetter();
    this.#level(gap, 8 * this.#memory.slots, endMs);
    this.#keepBetter();
  }

  /** Goes on from a layer's plan; whether it is near enough to the bound. */
  goOn(plan: Uint32Array, { gap }: Limits): boolean {
    this.#restore(this.#gathered(plan));
    this.#keepBetter();
    return this.#bestLoad <= this.#bound * (1 + gap);
  }

  /** Improves on the best plan by copies' numbers too, from where it is and from where shakes throw it. */
  seek({ gap, endMs }: Limits, iterations: number, isShaken = false): void {
    for (let i = 0; i < iterations && performance.now() < endMs; i++) {
      if (this.#bestLoad <= this.#bound * (1 + gap)) return;
      const stride = STRIDES[i % STRIDES.length]! * (this.#bestLoad - this.#bound);
      this.#setLevels(this.#bestLoad - stride, stride);
      if (isShaken || i >= STRIDES.length) this.#memory.shake();
      this.#memory.ease(false, ENDLESS, 64);
      if (this.#balance.rows.length === 1) this.#level(gap, 64, endMs);
      if (!this.#keepBetter()) this.#restore(this.#best);
    }
  }

  /** Shakes a layer's plan, for better or worse. */
  shakeOnce(plan: Uint32Array): void {
    this.#restore(this.#gathered(plan));
    this.#memory.shake();
    this.#best = this.#current();
    this.#bestLoad = this.#load();
  }

  /** Puts a part's plan where it belongs in its layer's. */
  scatter(plan: Uint32Array): void {
    const { experts, gpus } = this.#task.part;
    let at = 0;
    gpus.forEach((gpu, g) => {
      for (let j = 0; j < this.#memory.slotsOf[g]!; j++, at++) {
        const expert = this.#best[at]!;
        plan[this.#balance.firstOf[gpu]! + j] = expert === NONE ? NONE : experts[expert]!;
      }
    });
  }

  #gathered(plan: Uint32Array): Uint32Array {
    const { experts, gpus } = this.#task.part;
    const placeOf = new Map(experts.map((expert, e) => [expert, e]));
    const own = new Uint32Array(this.#memory.slots).fill(NONE);
    let at = 0;
    gpus.forEach((gpu, g) => {
      for (let j = 0; j < this.#memory.slotsOf[g]!; j++, at++)
        own[at] = placeOf.get(plan[this.#balance.firstOf[gpu]! + j]!) ?? NONE;
    });
    return own;
  }

  /** The plan in force as far as slots go, and what is lost put where it adds the least: the fewest moves that can be. */
  mend(kept: Uint32Array): void {
    this.#restore(this.#gathered(kept));
    this.#setLevels(this.#bound, 0);
    this.#memory.mend();
    this.#keepBetter();
  }

  /**
   * Levels GPUs to `level`, for at most `movesMax` moves in all, from the layer's plan so far; returns how many it then has.
   * Makes `steps` changes at the most, then tries shaken plans `shakes` times.
   */
  change(
    plan: Uint32Array,
    level: number,
    movesMax: number,
    { steps, shakes, endMs }: { steps: number; shakes: number; endMs: number },
  ): number {
    this.#bestLoad = Number.POSITIVE_INFINITY;
    this.#restore(this.#gathered(plan));
    this.#keepBetter();
    const aim = Math.max(level, this.#bound);
    this.#setLevels(aim, this.#bestLoad - aim);
    const isReached = () => this.#bestLoad <= aim * (1 + ROUNDING);
    let moves = this.#moves();
    for (let done = 0; done < steps && !isReached() && performance.now() < endMs; done += 32) {
      this.#memory.ease(true, Math.min(ENDLESS, movesMax - moves), Math.min(32, steps - done));
      if (!this.#keepBetter()) break;
      moves = this.#moves();
    }
    this.#restore(this.#best);
    moves = this.#moves();
    for (let i = 0; i < shakes && !isReached() && moves < movesMax && performance.now() < endMs; i++) {
      this.#memory.shake();
      const left = movesMax - this.#moves();
      if (left >= 0) this.#memory.ease(true, Math.min(ENDLESS, left), 32);
      if (this.#moves() > movesMax || !this.#keepBetter()) this.#restore(this.#best);
    }
    return this.#moves();
  }

  /** Takes back moves that `level` does not need, and fills empty slots with what was there if that harms nothing; returns the moves. */
  settle(plan: Uint32Array, level: number, endMs: number): number {
    this.#bestLoad = Number.POSITIVE_INFINITY;
    this.#restore(this.#gathered(plan));
    this.#setLevels(Math.max(level, this.#load()), 0);
    for (let start = 0; start < this.#memory.slots && performance.now() < endMs; start += 32)
      this.#memory.takeBack(start, 32);
    const most = Math.max(level, this.#load()) * (1 + ROUNDING);
    const { expertOfSlot, slotsOf, wasHeld } = this.#memory;
    let slot = 0;
    slotsOf.forEach((count, g) => {
      for (const end = slot + count; slot < end; slot++) {
        if (expertOfSlot[slot] !== NONE) continue;
        for (let e = 0; e < this.#task.part.experts.length; e++) {
          if (!wasHeld(e, g)) continue;
          const before = this.#current();
          expertOfSlot[slot] = e;
          this.#memory.load();
          if (expertOfSlot[slot] === e && this.#load() <= most) break;
          this.#restore(before);
        }
      }
    });
    this.#bestLoad = this.#load();
    this.#best = this.#current();
    return this.#moves();
  }

  /** Moves of a layer's plan, in this part. */
  movesOf(plan: Uint32Array): number {
    this.#restore(this.#gathered(plan));
    return this.#moves();
  }

  /** Copies on GPUs that did not hold that expert. */
  #moves(): number {
    const { expertOfSlot, slotsOf, wasHeld } = this.#memory;
    let moves = 0;
    let slot = 0;
    slotsOf.forEach((count, g) => {
      for (const end = slot + count; slot < end; slot++) {
        const expert = expertOfSlot[slot]!;
        if (expert !== NONE && !wasHeld(expert, g)) moves++;
      }
    });
    return moves;
  }
}
