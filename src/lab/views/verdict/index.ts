import {
  duration,
  figure as figureOf,
  type HopReach,
  type Margins,
  percent,
  type Term,
  type Verdict,
} from "../../../index.ts";
import { Drawing } from "../../drawing.ts";
import { element } from "../../elements.ts";
import { figure } from "../../figure.ts";
import { save } from "../../files.ts";
import type { VerdictQuestion } from "../../jobs/verdict.ts";
import { type Stage, view } from "../../stage.ts";
import { type Column, table } from "../../table.ts";
import { knobs, questionOf, type VerdictKnobs } from "./knobs.ts";
import { drawMiss } from "./miss.ts";
import { drawPhases } from "./phases.ts";
import { drawReach } from "./reach.ts";
import { drawTerms } from "./terms.ts";
import { finding, holdsWords, hopWords, marginWords, missWords, standing, valueWords } from "./words.ts";

export const verdictView = view({
  name: "verdict",
  title: "Verdict",
  question: "Do fetched experts arrive in time, nearly always? What decides it, and by how much?",
  knobs,
  open: (stage) => void new VerdictStage(stage).ask(),
});

/** A figure, and the drawing in it. */
const drawn = (name: string, title: string) => ({ frame: figure(name, title), drawing: new Drawing() });

class VerdictStage {
  readonly #stage: Stage<VerdictKnobs>;
  readonly #words = element("p", { class: "finding", role: "status" });
  readonly #terms = drawn("verdict", "Six terms, the binding one first");
  readonly #reach = drawn("radius", "How far it reaches");
  readonly #phases = drawn("load", "One load on an idle fabric");
  readonly #miss = drawn("late", "How many come late, worked out both ways");
  readonly #said = element("section", { class: "aside" });
  readonly #margins = element("section", { class: "aside" });
  #margin: Margins | null = null;
  #question: VerdictQuestion | null = null;

  constructor(stage: Stage<VerdictKnobs>) {
    this.#stage = stage;
    const frames = [this.#terms, this.#reach, this.#phases, this.#miss].map(({ frame }) => frame.root);
    this.#terms.frame.root.classList.add("tall");
    stage.content.append(this.#words, ...frames, this.#said, this.#margins);
    stage.onTurn((_, turned) => {
      const isMarginAlone = turned.size === 1 && turned.has("margins");
      if (!isMarginAlone) this.#margin = null;
      void (isMarginAlone ? this.#push() : this.ask());
    });
    this.#showMargins();
  }

  /** Asks for the verdict on what the knobs stand at, and for how far it reaches, and shows both. */
  async ask(): Promise<void> {
    const question = questionOf(this.#stage.values);
    this.#question = question;
    const isAnswered = this.#stage.ask("verdict", question, { what: "Working out the verdict" });
    const isReached = this.#stage.ask("reach", question, { what: "Working out how far it reaches" });
    const answer = await isAnswered;
    if (answer) this.#show(answer);
    const reached = await isReached;
    if (reached) this.#showReach(reached);
    if (answer) await this.#push();
  }

  /** Works out how far each figure can be pushed, where that is asked for. */
  async #push(): Promise<void> {
    const question = this.#question!;
    if (this.#stage.values.margins && !this.#margin) {
      const found = await this.#stage.ask("margins", question, { what: "Pushing each figure to its end" });
      // Knobs that were turned meanwhile have margins of their own.
      if (question !== this.#question) return;
      this.#margin = found;
    }
    this.#showMargins();
  }

  #show(verdict: Verdict): void {
    const { terms, objective, miss } = verdict;
    this.#words.textContent = finding(verdict);
    this.#terms.drawing.show(terms.map((term) => `${term.name} ${standing(term)}`).join("; "), (width) =>
      drawTerms(terms, width),
    );
    this.#terms.frame.show(this.#terms.drawing.root, () => table("verdict", "Terms", TERMS, terms));
    this.#phases.frame.say(
      `${duration(verdict.load.totalNs)} of ${duration(objective.deadlineNs)}, at the median of its path.`,
    );
    this.#phases.drawing.show(
      `A load's phases to scale: ${PHASES.map((phase) => `${phase} ${duration(verdict.sla[phase].ns)}`).join(", ")}`,
      (width) => drawPhases(verdict, width),
    );
    this.#phases.frame.show(this.#phases.drawing.root, () => phaseTable(verdict));
    this.#miss.frame.say(missSentence(verdict));
    this.#miss.drawing.show(missSentence(verdict), (width) =>
      drawMiss(miss, objective.deadlineNs, objective.missShareMax, width),
    );
    this.#miss.frame.show(this.#miss.drawing.root, () => missTable(verdict));
    this.#said.replaceChildren(
      ...listed("What it rests on, though nobody states it", verdict.conditions, "Nothing: all of it is stated."),
      ...listed("Mind", verdict.warnings, "Nothing to be wary of."),
      element(
        "button",
        { type: "button", click: () => save("verdict.json", new Blob([`${JSON.stringify(verdict, null, 2)}\n`])) },
        "Save the whole verdict as JSON",
      ),
    );
  }

  #showReach(reach: readonly HopReach[]): void {
    const radiusHops = reach.findLastIndex((_, i) => reach.slice(0, i + 1).every(({ holds }) => holds)) + 1;
    this.#reach.frame.say(radiusWords(radiusHops));
    this.#reach.drawing.show(`A small cluster: ${radiusWords(radiusHops)}`, (width) =>
      drawReach(reach, radiusHops, width),
    );
    this.#reach.frame.show(this.#reach.drawing.root, () => table("radius", "By distance", DISTANCES, reach));
  }

  #showMargins(): void {
    const ask = element(
      "button",
      { type: "button", click: () => this.#stage.set("margins", true) },
      "Push each figure to its end",
    );
    const words = "One figure at a time, all else as it stands, until a term fails.";
    this.#margins.replaceChildren(
      element("h3", {}, "How far it can be pushed"),
      element("p", { class: "words" }, words),
      this.#margin ? marginTable(this.#margin, this.#stage.values) : ask,
    );
  }
}

const radiusWords = (radiusHops: number) =>
  [
    "No GPU has its experts in time from another: not all terms hold even within a node.",
    "Experts may come from the GPU's own node, and from no farther: the radius is 1 hop.",
    "Experts may come from the GPU's own pod, and from no farther: the radius is 2 hops.",
    "Experts may come from anywhere: the radius is 3 hops, which is as far as is looked.",
  ][radiusHops]!;

function missSentence({ miss }: Verdict): string {
  const { exact, sampled, agree, extrapolated } = miss;
  const drawnWords = `${figureOf(sampled.misses)} of ${figureOf(sampled.draws)} loads drawn, so between ${percent(sampled.low)} and ${percent(sampled.high)}`;
  const far = extrapolated ? " So far out the latencies are extrapolated." : "";
  return `By convolution ${missWords(exact)}; by drawing ${drawnWords}. The two ${agree ? "agree" : "disagree"}.${far}`;
}

/** A heading and its sentences. */
function listed(title: string, sentences: readonly string[], none: string): HTMLElement[] {
  const items = sentences.map((sentence) => element("li", {}, sentence));
  return [
    element("h3", {}, title),
    items.length > 0 ? element("ul", {}, ...items) : element("p", { class: "words" }, none),
  ];
}

const TERMS: readonly Column<Term>[] = [
  { title: "term", of: ({ name }) => name },
  { title: "holds", of: ({ holds }) => (holds === null ? null : String(holds)), words: holdsWords },
  {
    title: "value",
    of: ({ value }) => value,
    words: (term) => (term.value === null ? "–" : valueWords(term, term.value)),
  },
  { title: "limit", of: ({ limit }) => limit, words: (term) => valueWords(term, term.limit) },
  { title: "unit", of: ({ unit }) => unit },
  { title: "margin", of: ({ margin }) => margin, words: marginWords },
  { title: "because", of: ({ because }) => because },
];

const DISTANCES: readonly Column<HopReach>[] = [
  { title: "hops", of: ({ hops }) => hops },
  {
    title: "all terms hold",
    of: ({ holds }) => String(holds),
    words: ({ holds }) => (holds ? "yes" : "no"),
  },
  { title: "load", unit: "ns", of: ({ totalNs }) => totalNs, words: ({ totalNs }) => duration(totalNs) },
  { title: "binding term", of: ({ binding }) => binding.name },
  { title: "margin", of: ({ binding }) => binding.margin, words: ({ binding }) => marginWords(binding) },
];

const PHASES = ["command", "data", "fence"] as const;

function phaseTable({ load, sla, objective, fabric }: Verdict): HTMLElement {
  const rows = [
    { phase: "post", ns: load.postNs, limitNs: null },
    { phase: "path", ns: load.pathNs, limitNs: null },
    { phase: "translation", ns: load.translateNs, limitNs: null },
    { phase: "command, all three", ns: load.commandNs, limitNs: sla.command.limitNs },
    { phase: "data", ns: load.dataNs, limitNs: sla.data.limitNs },
    { phase: "path back", ns: load.completionPathNs, limitNs: null },
    { phase: "fence on the GPU", ns: load.localFenceNs, limitNs: null },
    { phase: "fence, both", ns: load.fenceNs, limitNs: sla.fence.limitNs },
    { phase: "load", ns: load.totalNs, limitNs: objective.deadlineNs },
    { phase: `a hop's share, of ${fabric.hops}`, ns: sla.perHopNs, limitNs: null },
  ];
  return table(
    "load",
    "Phases",
    [
      { title: "phase", of: ({ phase }) => phase },
      { title: "time", unit: "ns", of: ({ ns }) => ns, words: ({ ns }) => duration(ns) },
      {
        title: "at most",
        unit: "ns",
        of: ({ limitNs }) => limitNs,
        words: ({ limitNs }) => (limitNs ? duration(limitNs) : "–"),
      },
    ],
    rows,
  );
}

function missTable({ miss, objective }: Verdict): HTMLElement {
  const { near } = miss;
  const rows = [
    { deadlineNs: objective.deadlineNs, exact: miss.exact, drawn: miss.sampled },
    { deadlineNs: near.deadlineNs, exact: near.exact, drawn: near.sampled },
  ];
  return table(
    "late",
    `Late loads, ${figureOf(miss.sampled.draws)} drawn`,
    [
      {
        title: "deadline",
        unit: "ns",
        of: ({ deadlineNs }) => deadlineNs,
        words: ({ deadlineNs }) => duration(deadlineNs),
      },
      { title: "by convolution", of: ({ exact }) => exact, words: ({ exact }) => missWords(exact) },
      { title: "drawn", of: ({ drawn }) => drawn.share, words: ({ drawn }) => percent(drawn.share) },
      { title: "low", of: ({ drawn }) => drawn.low, words: ({ drawn }) => percent(drawn.low) },
      { title: "high", of: ({ drawn }) => drawn.high, words: ({ drawn }) => percent(drawn.high) },
    ],
    rows,
  );
}

interface Pushed {
  what: string;
  now: string;
  end: number | null;
  words: (value: number) => string;
}

function marginTable(found: Margins, { size, hops, ports, deadline, loads }: Stage<VerdictKnobs>["values"]) {
  const rows: Pushed[] = [
    {
      what: "largest expert",
      now: `${figureOf(size)} MB`,
      end: found.largestExpertBytes,
      words: (bytes) => `${figureOf(bytes / 1e6)} MB`,
    },
    {
      what: "most hops",
      now: hopWords(hops),
      end: found.mostHops,
      words: (most) => (most === 64 ? "64 or more" : hopWords(most)),
    },
    { what: "fewest ports", now: String(ports), end: found.fewestPorts, words: String },
    { what: "tightest deadline", now: duration(deadline * 1e3), end: found.tightestDeadlineNs, words: duration },
    { what: "most loads a step", now: figureOf(loads), end: found.mostLoadsPerStep, words: figureOf },
  ];
  return table(
    "margins",
    "Each figure's end",
    [
      { title: "figure", of: ({ what }: Pushed) => what },
      { title: "stands at", of: ({ now }) => now },
      {
        title: "holds up to",
        of: ({ end }) => end,
        words: ({ end, words }) => (end === null ? "none: no value makes all terms hold" : words(end)),
      },
    ],
    rows,
  );
}
