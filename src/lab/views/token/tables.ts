import { type DecodingTimeline, duration } from "../../../index.ts";
import { type Column, table } from "../../table.ts";
import { type Enlarged, phasesOf } from "./enlarged.ts";

/** A column of instants or times. */
const time = <R>(title: string, of: (row: R) => number): Column<R> => ({
  title: `${title} ns`,
  of,
  words: (row) => duration(of(row)),
});

/** Each layer as it ran, and what a late doorbell makes of it. */
export function layerTable(before: DecodingTimeline, now: DecodingTimeline, checksum: string): HTMLElement {
  const rows = before.layers.map((span, i) => ({
    ...span,
    lateNs: now.layers[i]!.endNs - span.endNs,
    loads: before.loads.filter(({ layer }) => layer === span.layer).length,
  }));
  type Row = (typeof rows)[number];
  return table(
    "token-layers",
    `Layers; checksum ${checksum}`,
    [
      { title: "layer", of: ({ layer }) => layer },
      { title: "loads", of: ({ loads }) => loads },
      time<Row>("starts", ({ startNs }) => startNs),
      time<Row>("router chooses", ({ routerNs }) => routerNs),
      time<Row>("weights there", ({ readyNs }) => readyNs),
      time<Row>("experts start", ({ multiplyNs }) => multiplyNs),
      time<Row>("ends", ({ endNs }) => endNs),
      time<Row>("ends later by", ({ lateNs }) => lateNs),
    ],
    rows,
  );
}

/** Phases of the load that the enlarged layer waits for, from its router's choice. */
export function loadTable({ load, layer, lateNs }: Enlarged): HTMLElement {
  const onTime = load ? phasesOf(load, layer.routerNs, 0) : [];
  const rows = onTime.map(([phase, fromNs, toNs]) => ({ phase, fromNs, toNs }));
  type Row = (typeof rows)[number];
  return table(
    "token-load",
    `The load of layer ${layer.layer}`,
    [
      { title: "phase", of: ({ phase }) => phase },
      time<Row>("from", ({ fromNs }) => fromNs),
      time<Row>("to", ({ toNs }) => toNs),
      time<Row>("takes", ({ fromNs, toNs }) => toNs - fromNs),
      time<Row>("late, from", ({ fromNs }) => fromNs + lateNs),
      time<Row>("late, to", ({ toNs }) => toNs + lateNs),
    ],
    rows,
  );
}
