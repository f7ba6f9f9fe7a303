import { fileError } from "../measurement.ts";
import { DECODE, PREFILL } from "./routes.ts";

/** One token in one layer, as a file states it. */
export interface RouteRow {
  /** Counted from 1. */
  line: number;
  prompt: number;
  /** 0 prefill, 1 decode. */
  phase: number;
  /** Number of the token, ascending in each phase of a prompt. */
  step: number;
  layer: number;
  /** In the router's order. */
  experts: number[];
  /** As `experts`; null where the file has none. */
  weights: number[] | null;
}

/**
 * Holds rows to their order: prompts ascend, prefill comes before decode, tokens of decode come one by one, none left out, with all
 * their layers. A prefill comes token by token, or layer by layer in chunks of tokens; of the last layer all tokens but the last may
 * be missing, for engines do not work it out.
 */
export class RowOrder {
  readonly #file: string;
  #layers: number | null;
  #last: RouteRow | null = null;
  /** Of a prefill layer by layer: tokens of its first layer and of this one, and where the chunk's tokens begin and end. */
  #firstCount = 0;
  #count = 0;
  #chunkFirst = 0;
  #chunkLast = 0;
  /** Whether a prefill is known to come layer by layer. */
  #byLayer = false;
  /** Of a prefill token by token: the end of the token that has the fewest layers, but for the last one. */
  #fewest: { line: number | null; row: RouteRow } | null = null;

  constructor(file: string, layers: number | null) {
    this.#file = file;
    this.#layers = layers;
  }

  /** Refuses a row that cannot follow those before it. */
  check(row: RouteRow): void {
    const last = this.#last;
    const { line, prompt, phase } = row;
    if (last && prompt < last.prompt)
      throw this.#wrong(line, `prompts to ascend from ${last.prompt}`, `prompt ${prompt}`);
    if (last && prompt === last.prompt && phase < last.phase)
      throw this.#wrong(line, `prefill of prompt ${prompt} before its decode`, "prefill after it");
    if (this.#layers !== null && row.layer >= this.#layers)
      throw this.#wrong(line, `layer to be from 0 to ${this.#layers - 1}`, `${row.layer}`);
    if (!last || prompt !== last.prompt || phase !== last.phase) {
      this.#endRun(line);
      this.#begin(row);
    } else if (phase === PREFILL && row.layer !== last.layer + 1 && (this.#byLayer || row.layer === last.layer))
      this.#goOnByLayer(row, last);
    else if (this.#byLayer) this.#nextLayer(row, last);
    else this.#goOn(row, last);
    this.#last = row;
  }

  /** Refuses an end in the middle of a token. */
  end(): void {
    this.#endRun(null);
  }

  #begin(row: RouteRow): void {
    if (row.layer !== 0) throw this.#wrong(row.line, `layer 0 of step ${row.step}`, `layer ${row.layer}`);
    this.#byLayer = false;
    this.#fewest = null;
    this.#startChunk(row);
  }

  #startChunk(row: RouteRow): void {
    this.#chunkFirst = row.step;
    this.#chunkLast = row.step;
    this.#count = 1;
    this.#firstCount = 1;
  }

  /** Token by token. */
  #goOn(row: RouteRow, last: RouteRow): void {
    if (row.step === last.step && row.layer === last.layer + 1) return;
    if (row.step === last.step)
      throw this.#wrong(row.line, `layer ${last.layer + 1} of step ${row.step}`, `layer ${row.layer}`);
    if (row.step < last.step) throw this.#wrong(row.line, `steps to ascend from ${last.step}`, `step ${row.step}`);
    // Each token of decode comes of the one before it: without it there is none.
    if (row.phase === DECODE && row.step > last.step + 1)
      throw this.#wrong(row.line, `step ${last.step + 1}`, `step ${row.step}`);
    this.#endToken(last, row.line);
    if (row.layer !== 0) throw this.#wrong(row.line, `layer 0 of step ${row.step}`, `layer ${row.layer}`);
    this.#startChunk(row);
  }

  /** The next token of a layer, or the first one of the next chunk. */
  #goOnByLayer(row: RouteRow, last: RouteRow): void {
    if (row.layer === last.layer) {
      this.#byLayer = true;
      if (row.step <= last.step) throw this.#wrong(row.line, `steps to ascend from ${last.step}`, `step ${row.step}`);
      this.#count++;
      if (row.layer === 0) {
        this.#firstCount = this.#count;
        this.#chunkLast = row.step;
      } else if (row.step > this.#chunkLast)
        throw this.#wrong(row.line, `a step up to ${this.#chunkLast}, as in layer 0`, `step ${row.step}`);
      return;
    }
    if (row.layer !== 0) throw this.#wrong(row.line, `layer ${last.layer} or ${last.layer + 1}`, `layer ${row.layer}`);
    this.#endLayers(last, row.line);
    if (row.step <= this.#chunkLast)
      throw this.#wrong(row.line, `steps to ascend from ${this.#chunkLast}`, `step ${row.step}`);
    this.#startChunk(row);
  }

  #nextLayer(row: RouteRow, last: RouteRow): void {
    if (this.#count !== this.#firstCount)
      throw this.#wrong(row.line, `${this.#firstCount} tokens of layer ${last.layer}, as of layer 0`, `${this.#count}`);
    if (row.step < this.#chunkFirst || row.step > this.#chunkLast)
      throw this.#wrong(
        row.line,
        `a step from ${this.#chunkFirst} to ${this.#chunkLast}, as in layer 0`,
        `step ${row.step}`,
      );
    this.#count = 1;
  }

  #endRun(line: number | null): void {
    const last = this.#last;
    if (!last) return;
    if (this.#byLayer) this.#endLayers(last, line);
    else this.#endToken(last, line, true);
  }

  /** A token that ends with a layer has all of them, but for a token of prefill, which may lack the last. */
  #endToken(last: RouteRow, line: number | null, isEnd = false): void {
    if (last.phase === DECODE) this.#layers ??= last.layer + 1;
    const least = (this.#layers ?? 0) - (last.phase === PREFILL && !isEnd ? 2 : 1);
    if (last.layer < least) throw this.#wrong(line, `layer ${last.layer + 1} of step ${last.step}`, "none");
    if (last.phase !== PREFILL) return;
    if (!isEnd && (!this.#fewest || last.layer < this.#fewest.row.layer)) this.#fewest = { line, row: last };
    if (!isEnd) return;
    // Where nothing has said how many layers there are, the last token of a prefill does.
    this.#layers ??= last.layer + 1;
    if (!this.#fewest || this.#fewest.row.layer >= last.layer - 1) return;
    const { step, layer } = this.#fewest.row;
    throw this.#wrong(this.#fewest.line, `layer ${layer + 1} of step ${step}`, "none");
  }

  #endLayers(last: RouteRow, line: number | null): void {
    if (this.#layers !== null && last.layer < this.#layers - 1)
      throw this.#wrong(line, `layer ${last.layer + 1} of the prefill of prompt ${last.prompt}`, "none");
    this.#layers ??= last.layer + 1;
  }

  #wrong(line: number | null, expected: string, got: string): RangeError {
    return fileError(this.#file, line, expected, got);
  }
}
