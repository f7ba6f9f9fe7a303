import { type Figure, figure } from "./figure.ts";

/** A figure whose picture is drawn anew for each width that it is given, so that its letters keep their size. */
export class Fitted {
  readonly #figure: Figure;
  readonly #frame: HTMLElement;
  #draw: ((width: number) => SVGSVGElement) | null = null;
  #numbers: (() => HTMLElement) | null = null;
  #width = 0;

  constructor(name: string, title: string) {
    this.#figure = figure(name, title);
    this.#frame = this.#figure.root.querySelector(".picture")!;
    new ResizeObserver(() => this.#fit()).observe(this.#frame);
  }

  get root(): HTMLElement {
    return this.#figure.root;
  }

  show(draw: (width: number) => SVGSVGElement, numbers: (() => HTMLElement) | null): void {
    [this.#draw, this.#numbers, this.#width] = [draw, numbers, 0];
    this.#fit();
  }

  say(words: string): void {
    this.#figure.say(words);
  }

  /** Nothing can be measured in a view that is hidden: it is drawn when it is seen. */
  #fit(): void {
    const width = Math.floor(this.#frame.clientWidth);
    if (!this.#draw || width === 0 || width === this.#width) return;
    this.#width = width;
    this.#figure.show(this.#draw(width), this.#numbers);
  }
}
