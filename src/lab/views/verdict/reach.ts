import { duration, type HopReach } from "../../../index.ts";
import { box, type Drawn, lines, stroke, words } from "../../drawing.ts";
import { shape } from "../../elements.ts";
import { marginWords } from "./words.ts";

// A cluster drawn small: pods beside one another, nodes in them one below the other, eight GPUs to a node.
const PODS = 3;
const NODES = 3;
const [ACROSS, DOWN] = [4, 2];
const GAP = 4;

const PLACES = ["in the same node", "in the same pod", "anywhere"] as const;

/** From where a GPU's experts may come: the GPU that asks, and those that it reaches in time. */
export function drawReach(reach: readonly HopReach[], radiusHops: number, width: number): Drawn {
  const isWide = width >= 640;
  const map = isWide ? Math.min(460, width * 0.55) : width;
  // However narrow the page is made, a GPU can be seen.
  const size = Math.max(5, Math.min(22, Math.floor((map / PODS - 40) / ACROSS) - GAP));
  const node = { width: ACROSS * (size + GAP) + GAP + 4, height: DOWN * (size + GAP) + GAP + 4 };
  const pod = { width: node.width + 12, height: NODES * (node.height + 8) + 8 };
  const cluster = { width: PODS * (pod.width + 8) + 8, height: pod.height + 16 };
  const shapes: SVGElement[] = [box(0.5, 0.5, cluster.width, cluster.height, { class: "room", rx: "10" })];
  for (let p = 0; p < PODS; p++) {
    const x = 8 + p * (pod.width + 8);
    shapes.push(box(x, 8, pod.width, pod.height, { class: "room", rx: "7" }));
    for (let n = 0; n < NODES; n++) {
      const y = 16 + n * (node.height + 8);
      shapes.push(box(x + 6, y, node.width, node.height, { class: "room", rx: "4" }));
      const hops = p > 0 ? 3 : n > 0 ? 2 : 1;
      for (let i = 0; i < ACROSS * DOWN; i++) {
        const [left, top] = [
          x + 6 + 2 + GAP + (i % ACROSS) * (size + GAP),
          y + 2 + GAP + Math.floor(i / ACROSS) * (size + GAP),
        ];
        shapes.push(gpu(left, top, size, p + n + i === 0 ? 0 : hops, hops <= radiusHops));
      }
    }
  }
  const [x, y] = isWide ? [cluster.width + 28, 16] : [0, cluster.height + 28];
  const legend = drawLegend(reach, radiusHops, x, y, width - x);
  return { height: Math.max(cluster.height + 2, legend.nextY), shapes: [...shapes, ...legend.shapes] };
}

/** `hops` is 0 for the one that asks. What is out of reach is hollow, and crossed out. */
function gpu(x: number, y: number, size: number, hops: number, isReached: boolean): SVGElement {
  if (hops === 0)
    return shape(
      "g",
      {},
      box(x, y, size, size, { class: "asks", rx: "2" }),
      shape("circle", { cx: x + size / 2, cy: y + size / 2, r: size / 5, class: "sheet" }),
    );
  if (isReached) return box(x, y, size, size, { class: `reached-${hops}`, rx: "2" });
  return shape(
    "g",
    {},
    box(x, y, size, size, { class: "room", rx: "2" }),
    stroke(x + 3, y + 3, x + size - 3, y + size - 3, "room"),
  );
}

function drawLegend(reach: readonly HopReach[], radiusHops: number, x: number, top: number, width: number) {
  const shapes: SVGElement[] = [gpu(x, top - 12, 15, 0, true), words(x + 24, top, "the GPU that asks")];
  let y = top + 28;
  for (const { hops, totalNs, binding } of reach) {
    const isReached = hops <= radiusHops;
    const place = PLACES[hops - 1]!;
    const said = isReached
      ? `a load takes ${duration(totalNs)}; ${binding.name} has ${marginWords(binding)}`
      : `${binding.name} is ${marginWords(binding)}`;
    shapes.push(gpu(x, y - 12, 15, hops, isReached));
    const head = `${place}, ${hops} ${hops === 1 ? "hop" : "hops"}: ${isReached ? "reached" : "out of reach"}`;
    const title = lines(x + 24, y, head, width - 24, "strong");
    const body = lines(x + 24, title.nextY, said, width - 24, "small soft");
    shapes.push(...title.shapes, ...body.shapes);
    y = body.nextY + 10;
  }
  return { shapes, nextY: y };
}
