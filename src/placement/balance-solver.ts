import {
  BALANCE_BASE_AT,
  BALANCE_BIT_WORDS,
  BALANCE_COPIES_AT,
  BALANCE_EXPERT_AT,
  BALANCE_EXPERTS,
  BALANCE_FIRST_AT,
  BALANCE_GPU_AT,
  BALANCE_GPU_LOADS_AT,
  BALANCE_GPUS,
  BALANCE_HEAD_AT,
  BALANCE_HEADER,
  BALANCE_HEAP_AT,
  BALANCE_HELD_AT,
  BALANCE_KEYS_AT,
  BALANCE_LEVELS_AT,
  BALANCE_NEXT_AT,
  BALANCE_ORDER_AT,
  BALANCE_ROWS,
  BALANCE_SLOTS,
  BALANCE_WAS_AT,
  BALANCE_WEIGHTS_AT,
  NONE,
  RANDOM_WORDS,
} from "../../assembly/layout.ts";
import { seedWords } from "../random.ts";
import { workspace } from "../wasm.ts";
import { combined, ROUNDING } from "./balance-bounds.ts";
import type { Part } from "./balance-groups.ts";
import type { CompleteBalance, Limits } from "./balance-problem.ts";

/** Changes of a shake, and the words that they take; fractions of the way to the bound that a shaken plan is asked to go. */
const SHAKES = 2;
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
  readonly #slotsOf: number[];
  readonly #slots: number;
  readonly #plan: Uint32Array;
  readonly #loads: Float64Array;
  readonly #calls;
  readonly #header: number[];
  #task!: Task;
  #bound = 1;
  #best: Uint32Array = new Uint32Array();
  #bestLoad = Number.POSITIVE_INFINITY;

  constructor(balance: CompleteBalance, { experts: { length: experts }, gpus: members }: Part, seed: number) {
    const slotsOf = members.map((gpu) => balance.slotsOf[gpu]!);
    const slots = slotsOf.reduce((a, b) => a + b, 0);
    const gpus = members.length;
    // Of several scenarios, the mean comes first: packing sees no other.
    const scenarios = balance.rows.length;
    const rows = scenarios === 1 ? 1 : scenarios + 1;
    const bitWords = (gpus + 31) >> 5;
    const header = new Array<number>(BALANCE_HEADER).fill(0);
    header[BALANCE_EXPERTS] = experts;
    header[BALANCE_GPUS] = gpus;
    header[BALANCE_SLOTS] = slots;
    header[BALANCE_ROWS] = rows;
    header[BALANCE_BIT_WORDS] = bitWords;
    let words = BALANCE_HEADER;
    for (const [at, length] of [
      [BALANCE_FIRST_AT, gpus + 1],
      [BALANCE_EXPERT_AT, slots],
      [BALANCE_GPU_AT, slots],
      [BALANCE_NEXT_AT, slots],
      [BALANCE_HEAD_AT, experts],
      [BALANCE_COPIES_AT, experts],
      [BALANCE_HELD_AT, experts * bitWords],
      [BALANCE_WAS_AT, experts * bitWords],
      [BALANCE_ORDER_AT, gpus],
      [BALANCE_HEAP_AT, Math.max(experts, gpus)],
    ] as const) {
      header[at] = words;
      words += length;
    }
    let numbers = rows * experts;
    for (const [at, length] of [
      [BALANCE_GPU_LOADS_AT, rows * gpus],
      [BALANCE_BASE_AT, rows * gpus],
      [BALANCE_LEVELS_AT, rows],
      [BALANCE_WEIGHTS_AT, rows],
      [BALANCE_KEYS_AT, Math.max(experts, gpus)],
    ] as const) {
      header[at] = numbers;
      numbers += length;
    }
    const { kernels, views, at } = workspace({
      plan: ["U32", words],
      loads: ["F64", numbers],
      bits: ["U32", 4 * SHAKES],
      random: ["U32", RANDOM_WORDS],
    });
    views.plan.set(header);
    let first = 0;
    slotsOf.forEach((count, i) => {
      views.plan[header[BALANCE_FIRST_AT]! + i] = first;
      first += count;
    });
    views.plan[header[BALANCE_FIRST_AT]! + gpus] = first;
    const weights = balance.over === "mean" ? balance.weights : balance.weights.map(() => 1);
    views.loads.set(rows === 1 ? [1] : [0, ...weights], header[BALANCE_WEIGHTS_AT]!);
    kernels.seedRandom(at.random, ...seedWords({ seed }));
    this.#balance = balance;
    this.#slotsOf = slotsOf;
    this.#slots = slots;
    this.#plan = views.plan;
    this.#loads = views.loads;
    this.#header = header;
    this.#calls = {
      load: () => kernels.loadPlan(at.plan, at.loads),
      pack: () => kernels.packPlan(at.plan, at.loads),
      mend: () => kernels.mendPlan(at.plan, at.loads),
      level: (aim: number, steps: number) => kernels.levelGpus(at.plan, at.loads, aim, steps),
      ease: (isFrugal: boolean, left: number, steps: number) =>
        kernels.easeGpus(at.plan, at.loads, isFrugal ? 1 : 0, left, steps),
      takeBack: (start: number, steps: number) => kernels.takeBackMoves(at.plan, at.loads, start, steps),
      shake: () => {
        kernels.drawBits(at.bits, at.random);
        kernels.shakePlan(at.plan, at.loads, at.bits, 0, SHAKES);
      },
    };
  }

  /** Begins with a part. */
  take(task: Task): void {
    const { rows, weights } = this.#balance;
    const { layer, part, base, held } = task;
    const { experts, gpus } = part;
    this.#task = task;
    const loads = this.#loads;
    const baseAt = this.#header[BALANCE_BASE_AT]!;
    const behind = rows.length > 1 ? 1 : 0;
    loads.fill(0, 0, experts.length);
    loads.fill(0, baseAt, baseAt + (rows.length + behind) * gpus.length);
    rows.forEach((row, s) => {
      experts.forEach((expert, e) => {
        const load = row[layer]![expert]!;
        loads[(s + behind) * experts.length + e] = load;
        if (behind > 0) loads[e]! += weights[s]! * load;
      });
      gpus.forEach((gpu, g) => {
        const load = base ? base[s]![gpu]! : 0;
        loads[baseAt + (s + behind) * gpus.length + g] = load;
        if (behind > 0) loads[baseAt + g]! += weights[s]! * load;
      });
    });
    const { [BALANCE_WAS_AT]: was, [BALANCE_ORDER_AT]: orderAt, [BALANCE_BIT_WORDS]: bitWords } = this.#header;
    this.#plan.fill(0, was, orderAt);
    if (held) {
      const placeOf = new Map(experts.map((expert, e) => [expert, e]));
      gpus.forEach((gpu, g) => {
        for (const expert of held[gpu]!) {
          const e = placeOf.get(expert);
          if (e !== undefined) this.#plan[was! + e * bitWords! + (g >> 5)]! |= 1 << (g & 31);
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
    const { rows } = this.#balance;
    const behind = rows.length > 1 ? 1 : 0;
    const sum = (start: number, count: number) => {
      let all = 0;
      for (let i = start; i < start + count; i++) all += this.#loads[i]!;
      return all;
    };
    const means = rows.map(
      (_, s) =>
        (sum((s + behind) * experts.length, experts.length) +
          sum(this.#header[BALANCE_BASE_AT]! + (s + behind) * gpus.length, gpus.length)) /
        gpus.length,
    );
    return combined(this.#balance, means);
  }

  /** What the busiest GPU bears in each scenario. */
  #busiest(): number[] {
    const { length: gpus } = this.#slotsOf;
    const behind = this.#balance.rows.length > 1 ? 1 : 0;
    return this.#balance.rows.map((_, s) => {
      const start = this.#header[BALANCE_GPU_LOADS_AT]! + (s + behind) * gpus;
      let busiest = 0;
      for (let g = start; g < start + gpus; g++) busiest = Math.max(busiest, this.#loads[g]!);
      return busiest;
    });
  }

  #load(): number {
    return combined(this.#balance, this.#busiest());
  }

  #current(): Uint32Array {
    const start = this.#header[BALANCE_EXPERT_AT]!;
    return this.#plan.slice(start, start + this.#slots);
  }

  #keepBetter(): boolean {
    const busiest = this.#load();
    if (!(busiest < this.#bestLoad - 1e-12)) return false;
    this.#bestLoad = busiest;
    this.#best = this.#current();
    return true;
  }

  #restore(plan: Uint32Array): void {
    this.#plan.set(plan, this.#header[BALANCE_EXPERT_AT]!);
    this.#calls.load();
  }

  /** Sets levels that GPUs are to come down to: one for the worst, or each scenario's so much below its busiest. */
  #setLevels(level: number, stride: number): void {
    const at = this.#header[BALANCE_LEVELS_AT]!;
    const { rows, over } = this.#balance;
    if (rows.length === 1) this.#loads[at] = level;
    else {
      const busiest = over === "mean" ? this.#busiest() : [];
      this.#loads[at] = Number.MAX_VALUE;
      rows.forEach((_, s) => {
        this.#loads[at + 1 + s] = over === "mean" ? busiest[s]! - stride : level;
      });
    }
  }

  #level(gap: number, steps: number, endMs: number): void {
    const aim = this.#bound * (1 + gap);
    for (let done = 0; done < steps && performance.now() < endMs; done += STEPS)
      if (this.#calls.level(aim, Math.min(STEPS, steps - done)) < STEPS) break;
  }

  /** From nothing: packs, and swaps until the gap is `gap` or no swap helps. */
  pack({ gap, endMs }: Limits): void {
    this.#calls.pack();
    this.#keepBetter();
    this.#level(gap, 8 * this.#slots, endMs);
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
      if (isShaken || i >= STRIDES.length) this.#calls.shake();
      this.#calls.ease(false, ENDLESS, 64);
      if (this.#balance.rows.length === 1) this.#level(gap, 64, endMs);
      if (!this.#keepBetter()) this.#restore(this.#best);
    }
  }

  /** Shakes a layer's plan, for better or worse. */
  shakeOnce(plan: Uint32Array): void {
    this.#restore(this.#gathered(plan));
    this.#calls.shake();
    this.#best = this.#current();
    this.#bestLoad = this.#load();
  }

  /** Puts a part's plan where it belongs in its layer's. */
  scatter(plan: Uint32Array): void {
    const { experts, gpus } = this.#task.part;
    let at = 0;
    gpus.forEach((gpu, g) => {
      for (let j = 0; j < this.#slotsOf[g]!; j++, at++) {
        const expert = this.#best[at]!;
        plan[this.#balance.firstOf[gpu]! + j] = expert === NONE ? NONE : experts[expert]!;
      }
    });
  }

  #gathered(plan: Uint32Array): Uint32Array {
    const { experts, gpus } = this.#task.part;
    const placeOf = new Map(experts.map((expert, e) => [expert, e]));
    const own = new Uint32Array(this.#slots).fill(NONE);
    let at = 0;
    gpus.forEach((gpu, g) => {
      for (let j = 0; j < this.#slotsOf[g]!; j++, at++)
        own[at] = placeOf.get(plan[this.#balance.firstOf[gpu]! + j]!) ?? NONE;
    });
    return own;
  }

  /** The plan in force as far as slots go, and what is lost put where it adds the least: the fewest moves that can be. */
  mend(kept: Uint32Array): void {
    this.#restore(this.#gathered(kept));
    this.#setLevels(this.#bound, 0);
    this.#calls.mend();
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
      this.#calls.ease(true, Math.min(ENDLESS, movesMax - moves), Math.min(32, steps - done));
      if (!this.#keepBetter()) break;
      moves = this.#moves();
    }
    this.#restore(this.#best);
    moves = this.#moves();
    for (let i = 0; i < shakes && !isReached() && moves < movesMax && performance.now() < endMs; i++) {
      this.#calls.shake();
      const left = movesMax - this.#moves();
      if (left >= 0) this.#calls.ease(true, Math.min(ENDLESS, left), 32);
      if (this.#moves() > movesMax || !this.#keepBetter()) this.#restore(this.#best);
    }
    return this.#moves();
  }

  /** Takes back moves that `level` does not need, and fills empty slots with what was there if that harms nothing; returns the moves. */
  settle(plan: Uint32Array, level: number, endMs: number): number {
    this.#bestLoad = Number.POSITIVE_INFINITY;
    this.#restore(this.#gathered(plan));
    this.#setLevels(Math.max(level, this.#load()), 0);
    for (let start = 0; start < this.#slots && performance.now() < endMs; start += 32) this.#calls.takeBack(start, 32);
    const most = Math.max(level, this.#load()) * (1 + ROUNDING);
    const { [BALANCE_EXPERT_AT]: expertAt, [BALANCE_WAS_AT]: was, [BALANCE_BIT_WORDS]: bitWords } = this.#header;
    let slot = 0;
    this.#slotsOf.forEach((count, g) => {
      for (const end = slot + count; slot < end; slot++) {
        if (this.#plan[expertAt! + slot] !== NONE) continue;
        for (let e = 0; e < this.#task.part.experts.length; e++) {
          if (((this.#plan[was! + e * bitWords! + (g >> 5)]! >>> (g & 31)) & 1) === 0) continue;
          const before = this.#current();
          this.#plan[expertAt! + slot] = e;
          this.#calls.load();
          if (this.#plan[expertAt! + slot] === e && this.#load() <= most) break;
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
    const { [BALANCE_EXPERT_AT]: expertAt, [BALANCE_WAS_AT]: was, [BALANCE_BIT_WORDS]: bitWords } = this.#header;
    let moves = 0;
    let slot = 0;
    this.#slotsOf.forEach((count, g) => {
      for (const end = slot + count; slot < end; slot++) {
        const expert = this.#plan[expertAt! + slot]!;
        if (expert !== NONE && ((this.#plan[was! + expert * bitWords! + (g >> 5)]! >>> (g & 31)) & 1) === 0) moves++;
      }
    });
    return moves;
  }
}
