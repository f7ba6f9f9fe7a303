import { onWidth } from "./elements.ts";
import { type Figure, figure } from "./figure.ts";

/** A figure whose picture is drawn anew for each width that it is given, so that its letters keep their size. */
export class Fitted {
  readonly #figure: Figure;
  readonly #redraw: () => void;
  #draw: ((width: number) => SVGSVGElement) | null = null;
  #numbers: (() => HTMLElement) | null = null;

  constructor(name: string, title: string) {
    this.#figure = figure(name, title);
    this.#redraw = onWidth(this.#figure.root.querySelector(".picture")!, (width) => {
      if (this.#draw) this.#figure.show(this.#draw(width), this.#numbers);
    });
  }

  get root(): HTMLElement {
    return this.#figure.root;
  }

  show(draw: (width: number) => SVGSVGElement, numbers: (() => HTMLElement) | null): void {
    [this.#draw, this.#numbers] = [draw, numbers];
    this.#redraw();
  }

  say(words: string): void {
    this.#figure.say(words);
  }
}
