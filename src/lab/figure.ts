import { element } from "./elements.ts";
import { save } from "./files.ts";
import { pngOf, svgTextOf } from "./pictures.ts";

/** A picture with its title, what saves it, and its numbers as a table. */
export interface Figure {
  root: HTMLElement;
  /** What is seen: an SVG of the page's own, or whatever holds a canvas. */
  show(picture: Element, numbers: (() => HTMLElement) | null): void;
  say(words: string): void;
  /** One more button beside those that save the picture. */
  offer(label: string, click: () => void): void;
}

/** An empty figure. `name` is what its files are called. */
export function figure(name: string, title: string): Figure {
  const frame = element("div", { class: "picture" });
  const numbers = element("details", { class: "numbers", hidden: true }, element("summary", {}, "Numbers"));
  const words = element("p", { class: "words" });
  // A table of hundreds of rows is made for those who look at it.
  let rows: (() => HTMLElement) | null = null;
  const list = () => {
    if (numbers.open && rows) numbers.replaceChildren(numbers.firstElementChild!, rows());
  };
  numbers.addEventListener("toggle", list);
  const button = (label: string, click: () => void) =>
    element("button", { type: "button", click, "aria-label": `${title} as ${label}` }, label);
  const png = button("PNG", async () => save(`${name}.png`, await pngOf(frame, title)));
  const svg = button("SVG", () => save(`${name}.svg`, new Blob([svgTextOf(frame)], { type: "image/svg+xml" })));
  const actions = element("div", { class: "actions", hidden: true }, svg, png);
  const caption = element("figcaption", {}, element("h3", {}, title), actions);
  const root = element("figure", {}, caption, words, frame, numbers);
  return {
    root,
    show(picture, given) {
      if (frame.firstElementChild !== picture) frame.replaceChildren(picture);
      actions.hidden = given === null;
      svg.hidden = !(picture instanceof SVGElement);
      numbers.hidden = given === null;
      rows = given;
      list();
    },
    say: (text) => {
      words.textContent = text;
    },
    offer: (label, click) => actions.append(button(label, click)),
  };
}
