import type { SensitivityReport } from "../../../index.ts";
import { element } from "../../elements.ts";
import { Fitted } from "../../fitted.ts";
import { swingsPicture } from "./swings.ts";
import { swingsTable } from "./tables.ts";
import { swingWords } from "./words.ts";

/** What changes the answer: asked for by a button, as it takes dozens of runs. */
export class Sensitivity {
  readonly #figure = new Fitted("decode-sensitivity", "What changes the answer");
  readonly #button: HTMLButtonElement;
  #known: { line: string; report: SensitivityReport } | null = null;

  constructor(ask: () => void) {
    this.#button = element("button", { type: "button", class: "ask", click: ask }, "Change each parameter");
    this.root.classList.add("wide");
    this.root.querySelector(".words")!.after(this.#button);
    this.show("");
  }

  get root(): HTMLElement {
    return this.#figure.root;
  }

  take(line: string, report: SensitivityReport): void {
    this.#known = { line, report };
    this.#figure.show(
      (width) => swingsPicture(report, width),
      () => swingsTable(report),
    );
  }

  /** The report, where it is of that scenario. */
  of(line: string): SensitivityReport | null {
    return this.#known?.line === line ? this.#known.report : null;
  }

  /** What is seen where the knobs stand at `line`. */
  show(line: string): void {
    const isStale = this.#known !== null && this.#known.line !== line;
    this.root.classList.toggle("stale", isStale);
    this.#button.hidden = this.#known !== null && !isStale;
    this.#button.textContent = isStale ? "Change each parameter of this scenario" : "Change each parameter";
    this.#figure.say(
      this.#known === null
        ? "Size of an expert, ports, pace, tail, gap, batch: each is divided and multiplied by 1.5, with the same draws. That is dozens of runs."
        : isStale
          ? `Of the scenario before: ${swingWords(this.#known.report)}`
          : swingWords(this.#known.report),
    );
  }
}
