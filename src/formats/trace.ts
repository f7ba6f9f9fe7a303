import { checkAtLeast, checkFinite, describe } from "../check.ts";

/** What took place on a track of a process from one instant to another, or at one instant. */
export interface TraceSpan {
  process: string;
  track: string;
  name: string;
  startNs: number;
  endNs: number;
  /** What a viewer shows of it. */
  args?: Record<string, string | number>;
}

/** The text of a trace, as its spans come to pass: `spanText` of each, and `endText` behind the last. See `formatTrace`. */
export class TraceText {
  readonly #processes = new Map<string, { pid: number; tracks: Map<string, number> }>();
  #trackCount = 0;
  #rows = 0;

  spanText(span: TraceSpan): string {
    checkSpan(`span ${this.#rows}`, span);
    const { process, track, name, startNs, endNs, args = {} } = span;
    const pieces = this.#rows++ === 0 ? [HEAD] : [","];
    const known = this.#processes.get(process);
    const { pid, tracks } = known ?? { pid: this.#processes.size + 1, tracks: new Map<string, number>() };
    if (!known) {
      this.#processes.set(process, { pid, tracks });
      pieces.push("\n", metadata("process_name", pid, 0, { name: process }), ",");
    }
    let tid = tracks.get(track);
    if (tid === undefined) {
      tid = ++this.#trackCount; // no two tracks share one, whatever their processes: some viewers take it for the whole name
      tracks.set(track, tid);
      pieces.push("\n", metadata("thread_name", pid, tid, { name: track }), ",");
      pieces.push("\n", metadata("thread_sort_index", pid, tid, { sort_index: tid }), ",");
    }
    const phase = startNs === endNs ? '"ph":"i","s":"t"' : `"ph":"X","dur":${microseconds(lengthNs(startNs, endNs))}`;
    pieces.push(
      `\n{"name":${JSON.stringify(name)},${phase},"ts":${microseconds(startNs)},"pid":${pid},"tid":${tid},"args":${JSON.stringify(args)}}`,
    );
    return pieces.join("");
  }

  endText(): string {
    return `${this.#rows === 0 ? HEAD : ""}\n]}\n`;
  }
}

const HEAD = '{"displayTimeUnit":"ns","traceEvents":[';

/**
 * A trace that Chrome's and Perfetto's viewers open, in pieces to write one after the other: one JSON object, processes and
 * tracks in order of first appearance. Spans of one track must nest or lie apart: viewers draw those that overlap otherwise
 * wrongly, and they are not refused. Viewers round to whole nanoseconds; the text does not.
 */
export function* formatTrace(spans: Iterable<TraceSpan>): Generator<string> {
  const text = new TraceText();
  for (const span of spans) yield text.spanText(span);
  yield text.endText();
}

function checkSpan(where: string, { process, track, name, startNs, endNs, args }: TraceSpan): void {
  checkText(`${where}: process`, process);
  checkText(`${where}: track`, track);
  checkText(`${where}: name`, name);
  checkAtLeast(`${where}: startNs`, startNs, 0);
  checkAtLeast(`${where}: endNs`, endNs, startNs);
  for (const key in args) if (typeof args[key] !== "string") checkFinite(`${where}: args.${key}`, args[key]!);
}

function checkText(name: string, text: string): void {
  if (typeof text !== "string") throw new TypeError(`${name} must be text, got ${describe(text)}`);
}

function metadata(name: string, pid: number, tid: number, args: Record<string, string | number>): string {
  return `{"name":"${name}","ph":"M","pid":${pid},"tid":${tid},"args":${JSON.stringify(args)}}`;
}

/** From start to end without what the subtraction of binary fractions adds: no more decimals than either of them has. */
function lengthNs(startNs: number, endNs: number): number {
  const places = Math.max(decimals(startNs), decimals(endNs));
  return places > 100 ? endNs - startNs : Number((endNs - startNs).toFixed(places));
}

/** Places after the point in the decimal spelling of `ns`. */
function decimals(ns: number): number {
  const [spelled, exponent = "0"] = String(ns).split("e");
  return Math.max(0, (spelled!.split(".")[1] ?? "").length - Number(exponent));
}

/** The decimal spelling of `ns` with its point three places further left. */
function microseconds(ns: number): string {
  const [spelled, exponent] = String(ns).split("e");
  if (exponent) return `${spelled}e${Number(exponent) - 3}`;
  const [whole, fraction = ""] = spelled!.split(".");
  const digits = whole!.padStart(4, "0");
  return `${digits.slice(0, -3)}.${digits.slice(-3)}${fraction}`.replace(/\.?0*$/, "");
}
