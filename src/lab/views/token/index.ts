import { formatTrace, timelineSpans } from "../../../index.ts";
import { Drawing, type Drawn } from "../../drawing.ts";
import { element, shape } from "../../elements.ts";
import { figure } from "../../figure.ts";
import { save } from "../../files.ts";
import type { TokenAnswer } from "../../jobs/token.ts";
import { type Stage, view } from "../../stage.ts";
import { drawEnlarged, type Enlarged, GRIP_Y, STEM, scaleOf } from "./enlarged.ts";
import { Grip } from "./grip.ts";
import { knobs, LATE_MOST_US, LOOKS, limitsOf, questionOf, type TokenKnobs } from "./knobs.ts";
import { type Late, middleLayer, type Shifted, shifted, slowestLoad } from "./shift.ts";
import { layerTable, loadTable } from "./tables.ts";
import { drawWhole, stripOf } from "./whole.ts";
import { enlargedWords, finding } from "./words.ts";

export const tokenView = view({
  name: "token",
  title: "Token timeline",
  question: "Where does the time of one token go, and what does a late doorbell cost?",
  knobs,
  open: (stage) => void new TokenStage(stage).ask(),
});

/** What is seen as the knobs stand. */
interface Seen {
  answer: TokenAnswer;
  layer: number;
  now: Shifted;
  /** Where the pictures end, however late the doorbell is dragged. */
  stepEndNs: number;
  layerEndNs: number;
}

class TokenStage {
  readonly #stage: Stage<TokenKnobs>;
  readonly #words = element("p", { class: "finding", role: "status" });
  readonly #whole = figure("token", "The whole step");
  readonly #enlarged = figure("layer", "One layer, from its router's choice on");
  readonly #strip = new Drawing("group");
  readonly #close = new Drawing("group");
  readonly #frame = shape("rect", { class: "frame", rx: 3 });
  readonly #choice: Grip;
  readonly #bell: Grip;
  #answer: TokenAnswer | null = null;

  constructor(stage: Stage<TokenKnobs>) {
    this.#stage = stage;
    this.#choice = new Grip(
      "Enlarged layer",
      [this.#frame],
      (x) => this.#choose(x),
      (keys) => this.#turnLayer(this.#layer() + keys),
    );
    this.#bell = new Grip(
      "How late the doorbell is",
      bellShapes(),
      (x) => this.#drag(x),
      (keys) => this.#turnLate(stage.values.late + keys),
    );
    this.#strip.root.append(this.#choice.root);
    this.#strip.root.addEventListener("pointerdown", ({ clientX, target }) => {
      const { left } = this.#strip.root.getBoundingClientRect();
      if (!this.#choice.root.contains(target as Node)) this.#choose(clientX - left);
    });
    this.#close.root.append(this.#bell.root);
    this.#whole.root.classList.add("wide");
    this.#enlarged.root.classList.add("wide");
    this.#whole.offer("Perfetto", () => this.#saveTrace());
    stage.content.append(this.#words, this.#whole.root, this.#enlarged.root);
    stage.onTurn((_, turned) => {
      if ([...turned].every((knob) => LOOKS.has(knob))) this.#show();
      else void this.ask();
    });
  }

  /** Asks for the step that the knobs ask for, and shows it. */
  async ask(): Promise<void> {
    const answer = await this.#stage.ask("token", questionOf(this.#stage.values), {
      what: "Decoding",
      share: ({ done, all }: { done: number; all: number }) => done / all,
    });
    if (!answer) return;
    this.#answer = answer;
    this.#show();
  }

  #seen(answer: TokenAnswer): Seen {
    const { timeline } = answer;
    const { late, which } = this.#stage.values;
    const layer = this.#layer();
    const latest = shifted(timeline, layer, LATE_MOST_US * 1e3, which as Late);
    const { routerNs, readyNs, multiplyNs } = timeline.layers[layer]!;
    const fromRouterNs = Math.max(timeline.deadlineNs, readyNs - routerNs, multiplyNs - routerNs);
    return {
      answer,
      layer,
      now: shifted(timeline, layer, late * 1e3, which as Late),
      stepEndNs: 1.005 * latest.timeline.stepNs,
      layerEndNs: fromRouterNs + LATE_MOST_US * 1e3 + 20e3,
    };
  }

  #show(): void {
    if (!this.#answer) return;
    const seen = this.#seen(this.#answer);
    const { answer, layer, now } = seen;
    const { late, which } = this.#stage.values;
    this.#words.textContent = finding(answer, now, layer, late * 1e3, which as Late);
    this.#strip.show("A decode step, layer by layer, on time and late", (width) => this.#drawStrip(seen, width));
    this.#whole.say("Click a layer to enlarge it, or turn to its frame and use the arrow keys.");
    this.#whole.show(this.#strip.root, () => layerTable(answer.timeline, now.timeline, answer.checksum));
    const before = answer.timeline;
    const what: Enlarged = {
      before,
      layer: before.layers[layer]!,
      lateLayer: now.timeline.layers[layer]!,
      load: slowestLoad(before, layer),
      lateNs: late * 1e3,
      lateMostNs: LATE_MOST_US * 1e3,
      limits: limitsOf(this.#stage.values),
      endNs: seen.layerEndNs,
    };
    this.#enlarged.say(enlargedWords(what, now));
    this.#close.show(`Layer ${layer}, on time and late`, (width) => this.#drawClose(what, width));
    this.#enlarged.show(this.#close.root, () => loadTable(what));
  }

  #drawStrip({ answer, layer, now, stepEndNs }: Seen, width: number): Drawn {
    const { x, y, height } = stripOf(stepEndNs, width);
    const { startNs, endNs } = now.timeline.layers[layer]!;
    for (const [name, value] of Object.entries({ width: Math.max(6, x(endNs) - x(startNs)), height: height + 18 }))
      this.#frame.setAttribute(name, String(value));
    const max = answer.timeline.layers.length - 1;
    this.#choice.show(x(startNs), y - 3, { now: layer, min: 0, max, text: `layer ${layer}` });
    return drawWhole(answer.timeline, now.timeline, stepEndNs, width);
  }

  #drawClose(what: Enlarged, width: number): Drawn {
    const { late } = this.#stage.values;
    this.#bell.root.style.display = what.load ? "" : "none";
    const text = `${late} µs late`;
    this.#bell.show(scaleOf(what.endNs, width).at(late * 1e3), GRIP_Y, { now: late, min: 0, max: LATE_MOST_US, text });
    return drawEnlarged(what, width);
  }

  /** The layer that is enlarged: that of the knob, or the middling one. */
  #layer(): number {
    const { layer } = this.#stage.values;
    const { timeline } = this.#answer!;
    return layer < 0 ? middleLayer(timeline) : Math.min(layer, timeline.layers.length - 1);
  }

  #choose(x: number): void {
    if (!this.#answer) return;
    const { now, stepEndNs } = this.#seen(this.#answer);
    const ns = stripOf(stepEndNs, this.#strip.root.clientWidth).nsAt(x);
    const { layers } = now.timeline;
    this.#turnLayer(layers.findLast(({ startNs }) => startNs <= ns)?.layer ?? 0);
  }

  #turnLayer(layer: number): void {
    if (!this.#answer) return;
    const last = this.#answer.timeline.layers.length - 1;
    this.#stage.set("layer", Math.min(last, Math.max(0, layer)));
  }

  #drag(x: number): void {
    if (!this.#answer) return;
    const { layerEndNs } = this.#seen(this.#answer);
    const us = scaleOf(layerEndNs, this.#close.root.clientWidth).nsAt(x) / 1e3;
    this.#turnLate(Math.round(2 * us) / 2);
  }

  #turnLate(us: number): void {
    this.#stage.set("late", Math.min(LATE_MOST_US, Math.max(0, us)));
  }

  /** What is seen, doorbells late or not, as a trace. */
  #saveTrace(): void {
    if (!this.#answer) return;
    const { now } = this.#seen(this.#answer);
    const text = [...formatTrace(timelineSpans(now.timeline))];
    save("token.json", new Blob(text, { type: "application/json" }));
  }
}

/** A bell to hold on to. */
const bellShapes = () => [
  shape("line", { x1: 0, y1: 0, x2: 0, y2: STEM, class: "limit" }),
  shape("circle", { r: 13, class: "hold" }),
  shape("path", { d: "M-6 4h12l-2-3v-4a4 4 0 0 0-8 0v4zM-2 6h4a2 2 0 0 1-4 0z", class: "bell" }),
];
