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
  RANDOM_WORDS,
} from "../../assembly/layout.ts";
import { seedWords } from "../random.ts";
import { workspace } from "../wasm.ts";
import type { Part } from "./balance-groups.ts";
import type { CompleteBalance } from "./balance-problem.ts";

/** Changes of a shake. */
const SHAKES = 2;

/** The kernels' arrays for parts of one shape, where things are in them (see layout.ts), and the kernels, each bound to them. */
export type PartMemory = ReturnType<typeof layOutPart>;

export function layOutPart(balance: CompleteBalance, { experts, gpus: members }: Part, seed: number) {
  const slotsOf = members.map((gpu) => balance.slotsOf[gpu]!);
  const slots = slotsOf.reduce((a, b) => a + b, 0);
  const gpus = members.length;
  // Of several scenarios, the mean comes first: packing sees no other.
  const behind = balance.rows.length > 1 ? 1 : 0;
  const { header, words, numbers } = headerOf(experts.length, gpus, slots, balance.rows.length + behind);
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
  views.loads.set(behind === 0 ? [1] : [0, ...weights], header[BALANCE_WEIGHTS_AT]!);
  kernels.seedRandom(at.random, ...seedWords({ seed }));
  const expertAt = header[BALANCE_EXPERT_AT]!;
  const wasAt = header[BALANCE_WAS_AT]!;
  const bitWords = header[BALANCE_BIT_WORDS]!;
  return {
    slotsOf,
    slots,
    /** Rows that come before those of scenarios. */
    behind,
    /** Experts' loads, a row a scenario. */
    loads: views.loads.subarray(0, header[BALANCE_GPU_LOADS_AT]!),
    gpuLoads: views.loads.subarray(header[BALANCE_GPU_LOADS_AT]!, header[BALANCE_BASE_AT]!),
    base: views.loads.subarray(header[BALANCE_BASE_AT]!, header[BALANCE_LEVELS_AT]!),
    levels: views.loads.subarray(header[BALANCE_LEVELS_AT]!, header[BALANCE_WEIGHTS_AT]!),
    expertOfSlot: views.plan.subarray(expertAt, expertAt + slots),
    /** Whether a GPU holds an expert in the plan in force. */
    wasHeld: (expert: number, gpu: number) =>
      ((views.plan[wasAt + expert * bitWords + (gpu >> 5)]! >>> (gpu & 31)) & 1) === 1,
    forgetHeld(): void {
      views.plan.fill(0, wasAt, header[BALANCE_ORDER_AT]!);
    },
    noteHeld(expert: number, gpu: number): void {
      views.plan[wasAt + expert * bitWords + (gpu >> 5)]! |= 1 << (gpu & 31);
    },
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

/** Where each column begins, and how many words of u32 and of f64 there are. */
function headerOf(experts: number, gpus: number, slots: number, rows: number) {
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
  return { header, words, numbers };
}
