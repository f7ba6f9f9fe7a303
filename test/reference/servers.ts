// A server again, chunk by chunk: at each edge of a chunk it looks through all that wait for the most urgent.

/** What a load has to have of one server. */
export interface Turn {
  load: number;
  key: number;
  /** Of equal keys, who came first is first. */
  sequence: number;
  leftNs: number;
}

export class ReferenceServer {
  readonly rate: number;
  readonly #chunkNs: number;
  readonly #onDone: (turn: Turn, nowNs: number) => void;
  /** All that are not done, in no order. */
  readonly turns: Turn[] = [];
  /** Whose chunk is under way, and until when; who has none to carry has come to no edge. */
  #current: Turn | null = null;
  edgeNs = Number.POSITIVE_INFINITY;
  busyNs = 0;
  /** Since when demanded work is counted, how much there was, and the share of time that it was the last time. */
  readonly #meter = { sinceNs: 0, demandedNs: 0, everyNs: 0 };
  utilisation = 0;

  constructor(
    options: { rate: number; chunkBytes: number; meterNs: number },
    onDone: (turn: Turn, nowNs: number) => void,
  ) {
    this.rate = options.rate;
    this.#chunkNs = options.chunkBytes / options.rate;
    this.#meter.everyNs = options.meterNs;
    this.#onDone = onDone;
  }

  join(turn: Turn, nowNs: number): void {
    this.#count(turn.key < 2 ** 50 ? turn.leftNs : 0, nowNs);
    this.busyNs += turn.leftNs;
    this.turns.push(turn);
    if (!this.#current) this.#begin(nowNs);
  }

  #count(demandedNs: number, nowNs: number): void {
    const meter = this.#meter;
    meter.demandedNs += demandedNs;
    const ns = nowNs - meter.sinceNs;
    if (ns < meter.everyNs) return;
    this.utilisation = meter.demandedNs / ns;
    meter.demandedNs = 0;
    meter.sinceNs = nowNs;
  }

  /** A turn becomes more urgent. Who is first anyway stays so; others come anew with what is left of them. */
  promote(turn: Turn, { key, sequence }: Pick<Turn, "key" | "sequence">, nowNs: number): void {
    if (!this.turns.includes(turn)) return;
    const current = this.#current!;
    const isLast = this.#chunkOf(current) === current.leftNs;
    if ((isLast ? current : this.#first()) !== turn) {
      this.#count(turn.leftNs - (turn === current ? this.#chunkOf(turn) : 0), nowNs);
      turn.sequence = sequence;
    }
    turn.key = key;
  }

  /** When all would be carried if nobody came. */
  untilNs(nowNs: number): number {
    if (!this.#current) return nowNs;
    const beyondNs = this.turns.reduce((sum, { leftNs }) => sum + leftNs, 0) - this.#chunkOf(this.#current);
    return this.edgeNs + beyondNs;
  }

  /** A chunk has been carried. */
  edge(): void {
    const nowNs = this.edgeNs;
    const turn = this.#current!;
    const chunkNs = this.#chunkOf(turn);
    const isDone = chunkNs === turn.leftNs;
    turn.leftNs -= chunkNs;
    this.#current = null;
    this.edgeNs = Number.POSITIVE_INFINITY;
    if (isDone) this.turns.splice(this.turns.indexOf(turn), 1);
    if (this.turns.length > 0) this.#begin(nowNs);
    if (isDone) this.#onDone(turn, nowNs);
  }

  #begin(nowNs: number): void {
    this.#current = this.#first();
    this.edgeNs = nowNs + this.#chunkOf(this.#current);
  }

  #first(): Turn {
    return this.turns.toSorted((a, b) => a.key - b.key || a.sequence - b.sequence)[0]!;
  }

  /** A turn's next chunk; what is left over by rounding is none of its own. */
  #chunkOf({ leftNs }: Turn): number {
    return leftNs <= this.#chunkNs * (1 + 1e-6) ? leftNs : this.#chunkNs;
  }
}
