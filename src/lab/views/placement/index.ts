import { duration, figure as figureOf, percent } from "../../../index.ts";
import { givenFile } from "../../address.ts";
import { Chart, type Line } from "../../chart.ts";
import { element } from "../../elements.ts";
import { figure } from "../../figure.ts";
import { save } from "../../files.ts";
import type { PlacementAnswer, PlacementProgress, PlacementTrace, Side } from "../../jobs/placement/plans.ts";
import { type Stage, view } from "../../stage.ts";
import { type Column, table } from "../../table.ts";
import { KNOBS, type PlacementKnobs, questionOf } from "./knobs.ts";
import { type Heat, HeatView, pair } from "./map.ts";
import { PlacePanel } from "./panel.ts";
import { sceneOf } from "./scene.ts";
import { findings, glanceColumns, MOVE_COLUMNS, movesOf, times } from "./words.ts";

export const placementView = view({
  name: "placement",
  title: "Placement",
  question: "Which GPU holds which expert, so that none waits for the busiest, or for a far one?",
  knobs: KNOBS,
  open: (stage) => void new PlacementStage(stage).ask(),
});

/** A gap that was closed has its place at the foot of a logarithm. */
const GAP_LEAST = 1e-6;

class PlacementStage {
  readonly #stage: Stage<PlacementKnobs>;
  readonly #words = element("p", { class: "finding", role: "status" });
  readonly #help = element("div", { class: "actions wide", hidden: true });
  readonly #before = figure("placement-before", "Before");
  readonly #after = figure("placement-after", "After");
  readonly #maps: { before: HeatView; after: HeatView };
  readonly #panel: PlacePanel;
  readonly #gap = figure("placement-gap", "How near to the bound");
  readonly #chart = new Chart();
  readonly #table = element("div");
  readonly #moves = element("details", { hidden: true }, element("summary"));
  readonly #buttons: Record<"undo" | "keep" | "plan" | "maps", HTMLButtonElement>;
  #answer: PlacementAnswer | null = null;
  #width = 0;

  constructor(stage: Stage<PlacementKnobs>) {
    this.#stage = stage;
    const told = {
      look: (row: number, column: number) => this.#look(row, column),
      drain: (gpu: number) => this.#drain(gpu),
    };
    this.#maps = {
      before: new HeatView("What GPUs bear before", told),
      after: new HeatView("What GPUs bear after", told),
    };
    this.#panel = new PlacePanel(stage, (gpu) => this.#drain(gpu));
    const button = (label: string, click: () => void) => element("button", { type: "button", click }, label);
    this.#buttons = {
      undo: button("Undo drains", () => stage.set("drained", [])),
      keep: button("Put this plan in force", () => void this.#keep()),
      plan: button("Save the plan", () => this.#save("plan")),
      maps: button("Save EPLB's maps", () => this.#save("maps")),
    };
    stage.content.append(
      this.#words,
      this.#help,
      element(
        "div",
        { class: "buttons wide", role: "group", "aria-label": "The plan" },
        ...Object.values(this.#buttons),
      ),
      pair(this.#before.root, this.#after.root),
      this.#panel.root,
      this.#gap.root,
      this.#table,
      this.#moves,
    );
    stage.onTurn(() => void this.ask());
    new ResizeObserver(() => this.#fit()).observe(this.#before.root);
    this.#moves.addEventListener("toggle", () => this.#listMoves());
    this.#enable();
  }

  /** Asks for what the knobs stand at, and shows it; how near it comes is seen meanwhile. */
  async ask(): Promise<void> {
    const question = questionOf(this.#stage.values);
    const answer = await this.#stage.ask("placement", question, {
      what: "Placing",
      share: ({ trace }: PlacementProgress) => this.#shareOf(trace),
      onProgress: (progress: PlacementProgress) => this.#follow(progress),
    });
    if (!answer) return;
    this.#answer = answer;
    // A frame for each part: what comes at once would hold the page up.
    for (const show of [
      () => this.#draw(["before"]),
      () => this.#draw(["after"]),
      () => this.#showTrace(answer.trace),
      () => this.#panel.show(answer, question),
      () => this.#show(answer),
    ]) {
      await new Promise(requestAnimationFrame);
      if (this.#answer !== answer) return;
      show();
    }
  }

  /** How much of the way to what is good enough is gone, in the logarithm of the gap. */
  #shareOf({ gap, gapAsked }: PlacementTrace): number {
    const enough = Math.max(GAP_LEAST, gapAsked);
    const [first, last] = [Math.max(enough, gap[0] ?? 1), Math.max(enough, gap.at(-1) ?? 1)];
    return first > enough ? Math.log(first / last) / Math.log(first / enough) : 1;
  }

  #follow({ trace, heat }: PlacementProgress): void {
    this.#showTrace(trace);
    const answer = this.#answer;
    if (!answer?.after || heat?.length !== answer.after.heat.length) return;
    this.#maps.after.show(sceneOf(answer, { ...answer.after, heat, came: new Uint8Array() }), this.#width);
  }

  #show(answer: PlacementAnswer): void {
    const { before, after, source, gpus, infeasible } = answer;
    this.#words.textContent = findings(answer);
    this.#offerHelp(answer);
    this.#before.say(before ? `With ${before.name}: ${noteOf(before)}` : "");
    this.#after.say(
      after
        ? `Now ${noteOf(after)}; ${source}, on ${gpus} GPUs`
        : infeasible
          ? "There is no such plan."
          : "No plan yet.",
    );
    const rows = [before, after].flatMap((side) => (side ? [{ side, answer, isAfter: side === after }] : []));
    this.#table.replaceChildren(table("placement", "At a glance", glanceColumns(answer), rows));
    this.#moves.hidden = !answer.moves;
    this.#moves.firstElementChild!.textContent =
      `What moves: ${(answer.moves ?? 0).toLocaleString("en")} ${answer.moves === 1 ? "copy" : "copies"}`;
    this.#listMoves();
    this.#enable();
  }

  #draw(which: readonly ("before" | "after")[]): void {
    const answer = this.#answer;
    if (!answer || this.#width === 0) return;
    for (const name of which) {
      const [side, map, shown] = [answer[name], this.#maps[name], name === "before" ? this.#before : this.#after];
      if (!side) {
        shown.show(element("p", { class: "hint" }, "There is nothing to see."), null);
        continue;
      }
      const scene = sceneOf(answer, side);
      map.show(scene, this.#width);
      shown.show(map.root, () => numbersOf(side.name, scene));
    }
  }

  #fit(): void {
    const { paddingLeft, paddingRight } = getComputedStyle(this.#before.root);
    const width = Math.floor(
      this.#before.root.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight),
    );
    if (width <= 0 || width === this.#width) return;
    this.#width = width;
    this.#draw(["before", "after"]);
  }

  #look(row: number, column: number): void {
    this.#maps.before.point(row, column);
    this.#maps.after.point(row, column);
    if (this.#answer) this.#panel.look(row, column);
  }

  #drain(gpu: number): void {
    const { drained } = this.#stage.values;
    const next = drained.includes(gpu) ? drained.filter((other) => other !== gpu) : [...drained, gpu];
    this.#stage.set(
      "drained",
      next.sort((a, b) => a - b),
    );
  }

  /** What is seen becomes what later plans are changed from, as a file, so that the address has it. */
  async #keep(): Promise<void> {
    const text = this.#answer?.files?.plan;
    if (text) this.#stage.set("force", await givenFile("kept-plan.json", new TextEncoder().encode(text)));
  }

  #save(what: "plan" | "maps"): void {
    const text = this.#answer?.files?.[what];
    if (text) save(`${what}.json`, new Blob([text], { type: "application/json" }));
  }

  #enable(): void {
    const { undo, keep, plan, maps } = this.#buttons;
    undo.disabled = this.#stage.values.drained.length === 0;
    keep.disabled = plan.disabled = !this.#answer?.files;
    maps.disabled = !this.#answer?.files?.maps;
  }

  /** A button for what would make a plan possible, where a knob can be turned to that. */
  #offerHelp({ infeasible, copies, experts, objective }: PlacementAnswer): void {
    const offers: [label: string, turn: () => void][] = [];
    if (infeasible?.moves) {
      const share = Math.min(100, Math.ceil((1e4 * infeasible.moves) / copies) / 100);
      offers.push([`Let ${share}% of copies move`, () => this.#stage.set("moves", share)]);
    }
    if (infeasible?.constraint === "slots" && objective === "balance") {
      const { gpus, drained } = this.#stage.values;
      const slots = gpus * Math.ceil(experts / Math.max(1, gpus - drained.length));
      if (drained.length < gpus) offers.push([`Have ${slots} slots`, () => this.#stage.set("slots", slots)]);
    }
    if (infeasible && this.#stage.values.drained.length > 0)
      offers.push(["Undo drains", () => this.#stage.set("drained", [])]);
    this.#help.hidden = offers.length === 0;
    this.#help.replaceChildren(...offers.map(([label, click]) => element("button", { type: "button", click }, label)));
  }

  #listMoves(): void {
    if (!this.#moves.open || !this.#answer) return;
    const rows = table("moves", "Copies that come to a GPU", MOVE_COLUMNS, movesOf(this.#answer));
    this.#moves.replaceChildren(this.#moves.firstElementChild!, rows);
  }

  #showTrace({ ms, gap, gapMean, gapAsked }: PlacementTrace): void {
    const isMany = gapMean.some((value, i) => value !== gap[i]);
    const enough = Math.max(GAP_LEAST, gapAsked);
    const line = (label: string, colour: number, ys: Float64Array): Line => ({
      label,
      colour,
      ys: [...ys].map((value) => (Number.isFinite(value) ? Math.max(GAP_LEAST, value) : null)),
      isStepped: true,
    });
    const lines = [
      line(isMany ? "worst layer" : "best plan", 1, gap),
      ...(isMany ? [line("mean of layers", 0, gapMean)] : []),
      {
        ...line(
          "near enough",
          7,
          ms.map(() => enough),
        ),
        dash: [6, 4],
        isStepped: false,
      },
    ];
    const x = { label: "since the search began", words: (at: number) => duration(at * 1e6) };
    const y = {
      label: "above the bound",
      isLog: true,
      words: (value: number) => (value <= GAP_LEAST ? "0%" : percent(value)),
    };
    if (ms.length === 0) {
      this.#gap.show(element("p", { class: "hint" }, "Nothing was searched."), null);
      return;
    }
    this.#chart.show({ x, y, xs: ms, lines, height: 260 });
    this.#gap.show(this.#chart.root, () => traceTable(ms, lines));
  }
}

function noteOf({ value, balancednessMean, demandOfTier }: Side): string {
  if (demandOfTier) return `ways cost ${figureOf(value)}`;
  return `the busiest GPU bears ${times(value)}, balancedness ${balancednessMean!.toFixed(4)}`;
}

/** All places of a picture, row by row. */
function numbersOf(name: string, { grid, values }: Heat): HTMLElement {
  const rows = Array.from({ length: grid.rows }, (_, row) => row);
  const columns: Column<number>[] = [
    { title: "place", of: (row) => grid.rowName(row) },
    ...Array.from({ length: grid.columns }, (_, column) => ({
      title: grid.columnName(column),
      of: (row: number) =>
        Number.isNaN(values[row * grid.columns + column]!) ? null : values[row * grid.columns + column]!,
      words: (row: number) => {
        const value = values[row * grid.columns + column]!;
        return Number.isNaN(value) ? "–" : value.toFixed(3);
      },
    })),
  ];
  return table("heat", `Load over the mean, with ${name}`, columns, rows);
}

function traceTable(ms: Float64Array, lines: readonly Line[]): HTMLElement {
  const columns: Column<number>[] = [
    { title: "ms", of: (i) => ms[i]!, words: (i) => ms[i]!.toFixed(1) },
    ...lines.map(({ label, ys }) => ({
      title: label,
      of: (i: number) => ys[i] ?? null,
      words: (i: number) => percent(ys[i] ?? Number.NaN),
    })),
  ];
  return table(
    "gap",
    "The gap as it closed",
    columns,
    Array.from(ms, (_, i) => i),
  );
}
