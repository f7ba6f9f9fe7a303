import { duration, figure as figureOf, OPTICS, percent } from "../../index.ts";
import { element } from "../elements.ts";
import { Chart, figure, type Line, type Plot } from "../figure.ts";
import type { BrowserTail } from "../jobs/browser-tail.ts";
import type { TailAnswer, TailCurve, TailQuestion } from "../jobs/tail.ts";
import type { Knobs } from "../knobs.ts";
import { type Stage, view } from "../stage.ts";
import { type Column, table } from "../table.ts";

const knobs = {
  of: {
    kind: "choice",
    label: "What is drawn",
    value: "traversal",
    options: [
      { value: "traversal", label: "one way through the fabric" },
      { value: "load", label: "a whole load, against its deadline" },
    ],
  },
  optics: {
    kind: "several",
    label: "Optics",
    value: ["dsp-800g", "lpo-800g", "cpo-800g"],
    options: OPTICS.map(({ name, title }) => ({ value: name, label: title })),
  },
  hops: {
    kind: "number",
    label: "Hops",
    value: 3,
    min: 1,
    max: 16,
    isWhole: true,
    hint: "1 in a node, 2 in a pod, 3 anywhere.",
  },
  correlation: {
    kind: "number",
    label: "Correlation",
    value: 0,
    min: 0,
    max: 1,
    hint: "The share of ways on which all hops are slow together.",
  },
  stalls: {
    kind: "number",
    label: "Stalled frames",
    unit: "of a million",
    value: 0,
    min: 0,
    max: 10_000,
    argument: "stallProbability",
    hint: "On optics that are known to stall: those with a retimer.",
  },
  ports: {
    kind: "number",
    when: { of: "load" },
    label: "Ports",
    value: 12,
    min: 1,
    max: 64,
    isWhole: true,
    hint: "Of a load: what it is striped over.",
  },
  size: {
    kind: "number",
    when: { of: "load" },
    label: "Expert",
    unit: "MB",
    value: 160,
    min: 0.1,
    max: 1000,
    isLog: true,
    argument: "expertBytes",
  },
  deadline: {
    kind: "number",
    when: { of: "load" },
    label: "Deadline",
    unit: "µs",
    value: 180,
    min: 1,
    max: 10_000,
    isLog: true,
    argument: "deadlineNs",
  },
  draws: { kind: "number", label: "Draws", value: 1_000_000, min: 1000, max: 1e8, isLog: true, isWhole: true },
  seed: { kind: "number", label: "Seed", value: 1, min: 0, max: 2 ** 32 - 1, isWhole: true },
  own: {
    kind: "file",
    label: "Your measurement",
    value: null,
    accept: ".txt,.csv,.log,.hlog,.hgrm",
    hint: "perftest output, an HdrHistogram log, or a column of latencies: dropped here, it joins the plot. It stays on this machine.",
  },
  unit: {
    kind: "choice",
    label: "Unit of a column",
    value: "",
    options: [
      { value: "", label: "as the file says" },
      ...["ns", "us", "ms", "s"].map((value) => ({ value, label: value })),
    ],
  },
} as const satisfies Knobs;

export const tailView = view({
  name: "tail",
  title: "Tail",
  question: "How late does the fabric get, one time in a thousand, in a million?",
  knobs,
  open: (stage) => void new TailStage(stage).ask(),
});

type TailKnobs = typeof knobs;

class TailStage {
  readonly #stage: Stage<TailKnobs>;
  readonly #exceedance = figure("tail", "How many are longer");
  readonly #histogram = figure("histogram", "How they are spread");
  readonly #lines = new Chart();
  readonly #bars = new Chart();
  readonly #words = element("p", { class: "finding", role: "status" });
  readonly #table = element("div");
  readonly #browser = element("p", { class: "words" });
  #answer: TailAnswer | null = null;
  #measured: BrowserTail | null = null;

  constructor(stage: Stage<TailKnobs>) {
    this.#stage = stage;
    const measure = element("button", { type: "button", click: () => void this.#measure() }, "Measure this browser");
    stage.content.append(
      this.#words,
      this.#exceedance.root,
      this.#table,
      this.#histogram.root,
      element(
        "section",
        { class: "aside" },
        element("h3", {}, "The tail of this very browser"),
        element("p", {}, "Doorbells from one worker to another and back, timed."),
        measure,
        this.#browser,
      ),
    );
    stage.onTurn(() => void this.ask());
  }

  /** Asks for what the knobs stand at, and shows it. */
  async ask(): Promise<void> {
    const answer = await this.#stage.ask("tail", this.#question(), {
      what: "Drawing",
      share: ({ done, all }: { done: number; all: number }) => done / all,
    });
    if (!answer) return;
    this.#answer = answer;
    this.#show();
  }

  #question(): TailQuestion {
    const { of, optics, hops, correlation, stalls, ports, size, deadline, draws, seed, own, unit } = this.#stage.values;
    return {
      of: of as TailQuestion["of"],
      optics,
      own: own && { name: own.name, bytes: own.bytes },
      unit: (unit || null) as TailQuestion["unit"],
      hops,
      correlation,
      stallProbability: stalls / 1e6,
      ports,
      expertBytes: size * 1e6,
      deadlineNs: deadline * 1e3,
      draws,
      seed,
    };
  }

  async #measure(): Promise<void> {
    const measured = await this.#stage.ask(
      "browserTail",
      {},
      {
        what: "Ringing doorbells in this browser",
        share: ({ done, all }: { done: number; all: number }) => done / all,
      },
    );
    if (!measured) return;
    this.#measured = measured;
    this.#browser.textContent = browserWords(measured);
    this.#show();
  }

  #show(): void {
    if (!this.#answer) return;
    const { gridNs, edgesNs, curves, notes } = this.#answer;
    const isLoad = this.#stage.values.of === "load";
    const deadlineNs = this.#stage.values.deadline * 1e3;
    const mark = isLoad ? { x: deadlineNs, label: `deadline, ${duration(deadlineNs)}` } : null;
    const x = { label: isLoad ? "time of a load" : "latency, one way", isLog: true, words: duration };
    const { xs, lines } = this.#withBrowser(gridNs, curves);
    const y: Plot["y"] = { label: "share that is longer", isLog: true, words: shareWords };
    this.#lines.show({ x, y, xs, lines, mark });
    this.#exceedance.show(this.#lines.root, () => this.#numbers("tail-curves", xs, lines));
    const steps = curves.map(
      ({ name, shares }, i): Line => ({ label: name, colour: i, ys: [...shares, 0], isStepped: true }),
    );
    this.#bars.show({
      x,
      y: { label: "share of all", min: 0, words: (share) => percent(share) },
      xs: edgesNs,
      lines: steps,
      mark,
      height: 240,
    });
    this.#histogram.show(this.#bars.root, () => this.#numbers("tail-histogram", edgesNs, steps));
    this.#table.replaceChildren(table("tail", "At a glance", COLUMNS, curves));
    this.#words.textContent = [findings(curves, isLoad, deadlineNs), ...notes].join(" ");
  }

  /** The curves, and that of the browser where it was measured. */
  #withBrowser(gridNs: Float64Array, curves: readonly TailCurve[]): { xs: Float64Array; lines: Line[] } {
    const lines = curves.map(
      ({ name, exceedance, low, high }, i): Line => ({
        label: name,
        colour: i,
        ys: [...exceedance].map((share) => share || null),
        ...(low && high ? { dash: [6, 4], band: { low: above0(low), high: above0(high) } } : {}),
      }),
    );
    if (!this.#measured || this.#stage.values.of === "load") return { xs: gridNs, lines };
    const { curve: all, clock } = this.#measured.report;
    const curve = all.filter(({ ns }) => ns >= leastTold(clock));
    const extra = curve.map(({ ns }) => ns).filter((ns) => !gridNs.includes(ns));
    const xs = Float64Array.from([...new Set([...gridNs, ...extra])]).sort();
    const spread = (line: Line): Line => ({
      ...line,
      ys: onto(xs, gridNs, line.ys),
      ...(line.band ? { band: { low: onto(xs, gridNs, line.band.low), high: onto(xs, gridNs, line.band.high) } } : {}),
    });
    const ys = [...xs].map((ns) => curve.find((point) => point.ns === ns)?.u ?? between(curve, ns));
    return { xs, lines: [...lines.map(spread), { label: "this browser", colour: lines.length, ys, dash: [2, 3] }] };
  }

  #numbers(name: string, xs: ArrayLike<number>, lines: readonly Line[]): HTMLElement {
    const columns: Column<number>[] = [
      { title: "ns", of: (i) => xs[i]!, words: (i) => duration(xs[i]!) },
      ...lines.map(({ label, ys }) => ({
        title: label,
        of: (i: number) => ys[i] ?? null,
        words: (i: number) => (ys[i] == null ? "–" : ys[i]!.toPrecision(3)),
      })),
    ];
    return table(
      name,
      "Numbers",
      columns,
      Array.from(xs, (_, i) => i),
    );
  }
}

/** What is below half a step of the clock cannot be told apart. */
const leastTold = (clock: BrowserTail["report"]["clock"]) => (clock?.stepNs ?? 0) / 2;

function browserWords({ report, isShared }: BrowserTail): string {
  const { median, p99, p999, meanNs, meanErrorNs, iterations, method, clock } = report;
  const least = leastTold(clock);
  const words = ({ ns }: { ns: number }) => (ns < least ? `below ${duration(least)}` : duration(ns));
  return [
    `${isShared ? "Over shared memory" : "By messages, as this page is not cross-origin isolated"}:`,
    `median ${words(median)}, p99 ${words(p99)}, p99.9 ${words(p999)}, of ${figureOf(iterations)} doorbells;`,
    `mean ${duration(meanNs)} ± ${duration(meanErrorNs)}, which no clock's step moves.`,
    `${method.replace(/\.*$/, ".")} The clock: ${clock?.name}.`,
  ].join(" ");
}

const above0 = (shares: Float64Array) => [...shares].map((share) => (share > 0 ? share : null));

/** What is known at `from` at the places `to`, between two of them in proportion. */
function onto(to: Float64Array, from: Float64Array, ys: ArrayLike<number | null>): (number | null)[] {
  let i = 0;
  return Array.from(to, (x) => {
    while (i < from.length - 1 && from[i + 1]! <= x) i++;
    const [a, b] = [ys[i] ?? null, ys[i + 1] ?? null];
    if (x < from[0]! || a === null) return null;
    if (x === from[i] || i === from.length - 1) return x === from[i] ? a : null;
    return b === null ? null : a + ((b - a) * (x - from[i]!)) / (from[i + 1]! - from[i]!);
  });
}

/** A falling curve between its points, in the logarithm of what is exceeded. */
function between(curve: BrowserTail["report"]["curve"], ns: number): number | null {
  const after = curve.findIndex((point) => point.ns > ns);
  if (after <= 0) return null;
  const [a, b] = [curve[after - 1]!, curve[after]!];
  return Math.exp(Math.log(a.u) + ((Math.log(b.u) - Math.log(a.u)) * (ns - a.ns)) / (b.ns - a.ns));
}

const COLUMNS: readonly Column<TailCurve>[] = [
  { title: "optics", of: ({ name }) => name },
  { title: "median ns", of: ({ medianNs }) => medianNs, words: ({ medianNs }) => duration(medianNs) },
  { title: "p99 ns", of: ({ p99Ns }) => p99Ns, words: ({ p99Ns }) => duration(p99Ns) },
  { title: "p99.9 ns", of: ({ p999Ns }) => p999Ns, words: ({ p999Ns }) => duration(p999Ns) },
  { title: "longest ns", of: ({ mostNs }) => mostNs, words: ({ mostNs }) => duration(mostNs) },
  {
    title: "late",
    of: ({ miss }) => miss?.share ?? null,
    words: ({ miss }) => (miss ? `${percent(miss.share)} (${percent(miss.low)} to ${percent(miss.high)})` : "–"),
  },
  { title: "drawn", of: ({ count }) => count, words: ({ count }) => count.toLocaleString("en") },
  { title: "checksum", of: ({ checksum }) => checksum },
];

/** A share as an axis has it: 0.01, and 10 to the power of -4. */
function shareWords(share: number): string {
  const power = Math.round(Math.log10(share));
  if (power > -3 || Math.abs(share / 10 ** power - 1) > 1e-6) return String(Number(share.toPrecision(2)));
  return `10${[...String(power)].map((sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)] ?? "⁻").join("")}`;
}

/** What the curves say, in a sentence. */
function findings(curves: readonly TailCurve[], isLoad: boolean, deadlineNs: number): string {
  const late = isLoad ? curves.filter(({ miss }) => miss && miss.low > 0.001) : [];
  if (isLoad)
    return late.length === 0
      ? `Not one of a thousand loads is later than ${duration(deadlineNs)}, whatever the optics.`
      : `Later than ${duration(deadlineNs)} are ${late.map(({ name, miss }) => `${percent(miss!.share)} with ${name}`).join(", ")}.`;
  const [best, worst] = [...curves]
    .sort((a, b) => a.p999Ns - b.p999Ns)
    .filter((_, i, all) => i === 0 || i === all.length - 1);
  if (!best || !worst)
    return best ? `One in a thousand takes longer than ${duration(best.p999Ns)} with ${best.name}.` : "";
  return `One in a thousand takes longer than ${duration(best.p999Ns)} with ${best.name}, and than ${duration(worst.p999Ns)} with ${worst.name}: ${figureOf(worst.p999Ns / best.p999Ns)} times as long.`;
}
