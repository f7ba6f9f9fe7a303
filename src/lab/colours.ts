import { element } from "./elements.ts";

/** The palette's colours, told apart by people of any colour vision, in the page's scheme. */
export const colourOf = (place: number): string => pageColour(`--line-${place % 9}`);

/** A colour of the style sheet as a canvas understands it. */
export function pageColour(variable: string): string {
  const probe = element("span", { style: `color: var(${variable})` });
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
