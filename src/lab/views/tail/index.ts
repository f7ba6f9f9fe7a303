import { duration, percent } from "../../../index.ts";
import { Chart, type Line, type Plot } from "../../chart.ts";
import { element } from "../../elements.ts";
import { figure } from "../../figure.ts";
import type { BrowserTail } from "../../jobs/browser-tail.ts";
import type { TailAnswer, TailCurve, TailQuestion } from "../../jobs/tail.ts";
import { type Stage, view } from "../../stage.ts";
import { type Column, table } from "../../table.ts";
import { knobs, questionOf, type TailKnobs } from "./knobs.ts";
import { browserWords, COLUMNS, findings, leastTold, shareWords } from "./words.ts";

export const tailView = view({
  name: "tail",
  title: "Tail",
  question: "How late does the fabric get, one time in a thousand, in a million?",
  knobs,
  open: (stage) => void new TailStage(stage).ask(),
});

class TailStage {
  readonly #stage: Stage<TailKnobs>;
  readonly #exceedance = figure("tail", "How many are longer");
  readonly #histogram = figure("histogram", "How they are spread");
  readonly #lines = new Chart();
  readonly #bars = new Chart();
  readonly #words = element("p", { class: "finding", role: "status" });
  readonly #table = element("div");
  readonly #browser = element("p", { class: "words" });
  /** What is seen is of the question that it answers: knobs may be elsewhere by then. */
  #seen: { answer: TailAnswer; question: TailQuestion } | null = null;
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
    const question = questionOf(this.#stage.values);
    const answer = await this.#stage.ask("tail", question, {
      what: "Drawing",
      share: ({ done, all }: { done: number; all: number }) => done / all,
    });
    if (!answer) return;
    this.#seen = { answer, question };
    this.#show();
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
    if (!this.#seen) return;
    const { gridNs, edgesNs, curves, notes } = this.#seen.answer;
    const { of, deadlineNs } = this.#seen.question;
    const isLoad = of === "load";
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
    if (!this.#measured || this.#seen!.question.of === "load") return { xs: gridNs, lines };
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
      ...lines.flatMap(({ label, ys, band }) => [
        numbersOf(label, ys),
        ...(band ? [numbersOf(`${label}, from`, band.low), numbersOf(`${label}, to`, band.high)] : []),
      ]),
    ];
    return table(
      name,
      "Numbers",
      columns,
      Array.from(xs, (_, i) => i),
    );
  }
}

const numbersOf = (title: string, ys: Line["ys"]): Column<number> => ({
  title,
  of: (i) => ys[i] ?? null,
  words: (i) => ys[i]?.toPrecision(3) ?? "–",
});

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
