type Child = Node | string | null;
type Attributes = Record<string, string | number | boolean | null | ((event: never) => void)>;

/** An element with attributes (those that are functions listen to the event of that name) and children. */
export function element<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  attributes: Attributes = {},
  ...children: Child[]
) {
  return dressed(document.createElement(tag), attributes, children);
}

/** The same of SVG. */
export function shape<T extends keyof SVGElementTagNameMap>(tag: T, attributes: Attributes = {}, ...children: Child[]) {
  return dressed(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function dressed<E extends Element>(made: E, attributes: Attributes, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value as (event: Event) => void);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== false) made.setAttribute(name, String(value));
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

let names = 0;

/** A name that no other element of the page has. */
export const freshId = (what: string): string => `${what}-${++names}`;

/**
 * Calls `draw` with the width of `box`, and again whenever that changes; what is returned calls it once more. A box in a view that is
 * hidden has no width: it is drawn when it is seen.
 */
export function onWidth(box: Element, draw: (width: number) => void): () => void {
  let width = 0;
  // What the observer tells is known without asking for a layout amid changes.
  new ResizeObserver(([entry]) => {
    const now = Math.floor(entry!.contentRect.width);
    if (now === width) return;
    width = now;
    redraw();
  }).observe(box);
  const redraw = () => {
    if (width > 0) draw(width);
  };
  return redraw;
}
