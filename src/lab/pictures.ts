import { pageColour } from "./colours.ts";
import { widthOf } from "./drawing.ts";
import { element } from "./elements.ts";

/** Of a line of keys in a saved picture. */
const KEY_HEIGHT = 20;

/** What the style sheet gives an SVG on the page, which a file has to bring along. */
const CARRIED = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
  "opacity",
  "dominant-baseline",
  "display",
];

/** A drawing as a file: it looks as it does on the page. */
export function svgTextOf(frame: HTMLElement): string {
  const seen = frame.querySelector("svg")!;
  const copy = seen.cloneNode(true) as SVGSVGElement;
  const [from, to] = [
    [seen, ...seen.querySelectorAll("*")],
    [copy, ...copy.querySelectorAll("*")],
  ];
  from.forEach((original, i) => {
    const style = getComputedStyle(original);
    for (const property of CARRIED) to[i]!.setAttribute(property, style.getPropertyValue(property));
    // Both speak of the page's own sheet.
    for (const name of ["class", "style"]) to[i]!.removeAttribute(name);
  });
  const { width, height } = seen.getBoundingClientRect();
  copy.setAttribute("width", String(Math.round(width)));
  copy.setAttribute("height", String(Math.round(height)));
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [key, value] of Object.entries({ width: "100%", height: "100%", fill: groundColour() }))
    ground.setAttribute(key, value);
  copy.prepend(ground);
  return new XMLSerializer().serializeToString(copy);
}

const groundColour = () => pageColour("--ground");

/** The picture on the page's ground, with its title above, and what a chart's lines are called. */
export async function pngOf(frame: HTMLElement, title: string): Promise<Blob> {
  const canvas = frame.querySelector("canvas");
  const source = canvas ?? (await imageOf(svgTextOf(frame)));
  const scale = canvas ? canvas.width / canvas.getBoundingClientRect().width : 2;
  const [width, height] = canvas ? [canvas.width, canvas.height] : [source.width * scale, source.height * scale];
  const keys = arranged(keysOf(frame), width / scale);
  const head = (36 + KEY_HEIGHT * ((keys.at(-1)?.row ?? -1) + 1)) * scale;
  const sheet = element("canvas", { width, height: height + head });
  const ink = sheet.getContext("2d")!;
  ink.fillStyle = groundColour();
  ink.fillRect(0, 0, sheet.width, sheet.height);
  ink.fillStyle = getComputedStyle(document.body).color;
  ink.font = `600 ${16 * scale}px system-ui, sans-serif`;
  ink.fillText(title, 12 * scale, 24 * scale);
  ink.font = `${12 * scale}px system-ui, sans-serif`;
  for (const { label, x, row } of keys) ink.fillText(label, (x + 18) * scale, (47 + KEY_HEIGHT * row) * scale);
  for (const { colour, x, row } of keys) {
    ink.fillStyle = colour;
    ink.fillRect(x * scale, (37 + KEY_HEIGHT * row) * scale, 12 * scale, 12 * scale);
  }
  ink.drawImage(source, 0, head, width, height);
  return new Promise((resolve) => sheet.toBlob((blob) => resolve(blob!), "image/png"));
}

interface Key {
  label: string;
  colour: string;
}

/** What the colours of a chart's lines stand for: edges of bands have none. */
const keysOf = (frame: HTMLElement): Key[] =>
  [...frame.querySelectorAll<HTMLElement>(".u-series:not(.u-off) .u-marker")]
    .filter(({ style }) => style.borderStyle !== "")
    .map(({ style, parentElement }) => ({ label: parentElement!.textContent, colour: style.borderColor }));

/** Keys from left to right, in as many rows as `width` needs. */
function arranged(keys: readonly Key[], width: number) {
  let [x, row] = [12, 0];
  return keys.map((key) => {
    const wide = 18 + widthOf(key.label, 12) + 16;
    if (x > 12 && x + wide > width) [x, row] = [12, row + 1];
    x += wide;
    return { ...key, x: x - wide, row };
  });
}

async function imageOf(svg: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  await image.decode();
  URL.revokeObjectURL(image.src);
  return image;
}
