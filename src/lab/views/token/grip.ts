import { shape } from "../../elements.ts";

/** Something in a picture that can be pulled along a line: by pointer, or by keys as a slider is. */
export class Grip {
  readonly root: SVGGElement;
  readonly #step: (keys: number) => void;

  /**
   * `pull` is told where in the picture a pointer took it; `step` how far keys did: 1 or -1, 10 or -10 a page, and infinitely far
   * to either end.
   */
  constructor(label: string, parts: SVGElement[], pull: (x: number) => void, step: (keys: number) => void) {
    this.#step = step;
    this.root = shape("g", { class: "grip", role: "slider", tabindex: 0, "aria-label": label }, ...parts);
    this.root.addEventListener("keydown", (event) => this.#press(event));
    this.root.addEventListener("pointerdown", (event) => {
      this.root.setPointerCapture(event.pointerId);
      this.root.focus();
      event.preventDefault();
      pull(this.#across(event));
    });
    this.root.addEventListener("pointermove", (event) => {
      if (this.root.hasPointerCapture(event.pointerId)) pull(this.#across(event));
    });
  }

  show(x: number, y: number, { now, min, max, text }: { now: number; min: number; max: number; text: string }): void {
    this.root.setAttribute("transform", `translate(${x} ${y})`);
    for (const [name, value] of Object.entries({ now, min, max, text }))
      this.root.setAttribute(`aria-value${name}`, String(value));
  }

  /** Where in the picture an event is: its units are the page's pixels, unless it is about to be drawn anew. */
  #across({ clientX }: PointerEvent): number {
    const svg = this.root.ownerSVGElement!;
    const { left, width } = svg.getBoundingClientRect();
    return ((clientX - left) / width) * svg.viewBox.baseVal.width;
  }

  #press(event: KeyboardEvent): void {
    const far = KEYS[event.key];
    if (far === undefined) return;
    event.preventDefault();
    this.#step(far);
  }
}

const KEYS: Readonly<Record<string, number>> = {
  ArrowRight: 1,
  ArrowUp: 1,
  ArrowLeft: -1,
  ArrowDown: -1,
  PageUp: 10,
  PageDown: -10,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};
