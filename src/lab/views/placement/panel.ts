import { element, freshId } from "../../elements.ts";
import type { PlacementAnswer, PlacementQuestion, Side } from "../../jobs/placement/plans.ts";
import type { Stage } from "../../stage.ts";
import type { PlacementKnobs } from "./knobs.ts";
import { explained, type Held, heldOn, heldTable, placeWords } from "./place.ts";
import { gridOf, layerAt } from "./scene.ts";

/** So long somebody looks at a place before its prices are worked out. */
const PAUSE_MS = 200;

/** What is to be said of the place that is looked at. */
export class PlacePanel {
  readonly root: HTMLElement;
  readonly #stage: Stage<PlacementKnobs>;
  readonly #title = element("h3", { id: freshId("place") });
  readonly #words = element("p", { role: "status" });
  readonly #drain: HTMLButtonElement;
  readonly #choice: HTMLElement;
  readonly #expert: HTMLSelectElement;
  readonly #rows = element("div", { class: "rows" });
  #answer: PlacementAnswer | null = null;
  #asked: PlacementQuestion | null = null;
  #at: [row: number, column: number] = [0, 0];
  #gpu = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(stage: Stage<PlacementKnobs>, drain: (gpu: number) => void) {
    this.#stage = stage;
    this.#drain = element("button", { type: "button", click: () => drain(this.#gpu) }, "Drain");
    const id = freshId("expert");
    this.#expert = element("select", { id, change: () => void this.#explain() });
    this.#choice = element("div", { hidden: true }, element("label", { for: id }, "Why is here expert "), this.#expert);
    this.root = element(
      "section",
      { class: "aside place", "aria-labelledby": this.#title.id },
      element("div", { class: "placehead" }, this.#title, this.#drain),
      this.#words,
      this.#choice,
      this.#rows,
    );
  }

  /** Shows what came of `asked`. */
  show(answer: PlacementAnswer, asked: PlacementQuestion): void {
    this.#answer = answer;
    this.#asked = asked;
    const { rows, columns } = gridOf(answer);
    this.look(Math.min(this.#at[0], rows - 1), Math.min(this.#at[1], columns - 1));
  }

  look(row: number, column: number): void {
    const answer = this.#answer;
    if (!answer) return;
    this.#at = [row, column];
    const grid = gridOf(answer);
    this.#gpu = grid.gpuAt(row, column);
    if (this.#gpu < 0) return;
    const isLayer = answer.objective === "balance" && column < answer.layers.length;
    this.#title.textContent = `GPU ${this.#gpu}${isLayer ? `, layer ${answer.layers[column]}` : ""}`;
    this.#drain.textContent = answer.drained.includes(this.#gpu)
      ? `Put GPU ${this.#gpu} back`
      : `Drain GPU ${this.#gpu}`;
    const side = answer.after ?? answer.before;
    if (side) this.#tell(answer, side, layerAt(answer, column));
  }

  #tell(answer: PlacementAnswer, side: Side, l: number): void {
    clearTimeout(this.#timer);
    const isLatency = answer.objective === "latency";
    this.#choice.hidden = true;
    if (l >= answer.layers.length) {
      this.#words.textContent =
        "The sum over all layers is what is levelled: in each of them by itself, some bear more.";
      this.#rows.replaceChildren();
      return;
    }
    const held = heldOn(answer, side, this.#gpu, l);
    this.#words.textContent = placeWords(answer, side, this.#gpu, l, held);
    if (!isLatency) {
      this.#rows.replaceChildren(...(held.length > 0 ? [heldTable(held, answer.moves !== null)] : []));
      return;
    }
    this.#offer(held);
    this.#timer = setTimeout(() => void this.#explain(), PAUSE_MS);
  }

  #offer(held: readonly Held[]): void {
    this.#choice.hidden = held.length === 0;
    this.#expert.replaceChildren(...held.map(({ expert }) => element("option", { value: expert }, String(expert))));
    if (held.length === 0) this.#rows.replaceChildren();
  }

  async #explain(): Promise<void> {
    const { after, before, moves, prices } = this.#answer!;
    if (!after || !prices || this.#expert.value === "") return;
    const columns = ({ expertOfSlot, gpuOfSlot }: Side) => ({ expertOfSlot, gpuOfSlot });
    const explanation = await this.#stage.ask("placementPlace", {
      asked: this.#asked!,
      ...columns(after),
      prices,
      before: before && moves !== null ? columns(before) : null,
      expert: Number(this.#expert.value),
    });
    if (explanation) this.#rows.replaceChildren(explained(explanation));
  }
}
