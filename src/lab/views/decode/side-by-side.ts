import { element } from "../../elements.ts";
import { type Decoded, differences } from "./scenario.ts";
import { comparedWords } from "./words.ts";

/** What keeps a scenario for comparison, and says what came of it beside the one that is seen. */
export class SideBySide {
  readonly root: HTMLElement;
  readonly #words = element("p", { role: "status" });
  readonly #differences = element("ul", { class: "differences" });
  readonly #keep: HTMLButtonElement;
  readonly #swap: HTMLButtonElement;
  readonly #letGo: HTMLButtonElement;

  constructor({ keep, swap, letGo }: { keep: () => void; swap: () => void; letGo: () => void }) {
    const button = (label: string, click: () => void) => element("button", { type: "button", click }, label);
    this.#keep = button("Keep for comparison", keep);
    this.#swap = button("Swap A and B", swap);
    this.#letGo = button("Let B go", letGo);
    this.root = element(
      "section",
      { class: "aside compare", hidden: true },
      element("h3", {}, "Two side by side"),
      this.#words,
      this.#differences,
      element("div", { class: "buttons" }, this.#keep, this.#swap, this.#letGo),
    );
  }

  /** `isCurrent`: what is seen is what the knobs stand at. `isKept`: something is to be kept, known or not. */
  show(shown: Decoded | null, kept: Decoded | null, { isCurrent, isKept }: { isCurrent: boolean; isKept: boolean }) {
    this.root.hidden = !shown;
    this.#keep.disabled = !isCurrent || shown?.line === kept?.line;
    this.#keep.textContent = isKept ? "Keep this one instead" : "Keep for comparison";
    this.#swap.hidden = !kept;
    this.#swap.disabled = !isCurrent || shown?.line === kept?.line;
    this.#letGo.hidden = !isKept;
    const differing = shown && kept ? differences(shown.values, kept.values) : [];
    this.#differences.hidden = differing.length === 0;
    this.#differences.replaceChildren(...differing.map((words) => element("li", {}, words)));
    this.#words.textContent = wordsFor(shown, kept, isKept);
  }
}

function wordsFor(shown: Decoded | null, kept: Decoded | null, isKept: boolean): string {
  if (!kept || !shown)
    return isKept
      ? "B, which the address asks for, has not been run yet."
      : "Kept, this scenario stays as B while you turn the knobs of A; the address then holds both.";
  if (shown.line === kept.line) return "B is kept: turn a knob, and A is shown beside it.";
  return `${comparedWords(shown.answer.verdict, kept.answer.verdict)} In A:`;
}
