import { exp, ln } from "../normal.ts";
import { RandomBits } from "../random.ts";

/** Work that a server does for a load. */
export interface Work {
  /** What the server has not done of it; what it is doing counts as done. */
  leftNs: number;
  servedNs: number;
  urgent: boolean;
  /** Of speculative work: when it is needed. */
  needNs: number;
  /** Whether its command has come to the server. */
  here: boolean;
  cancelled: boolean;
  /** Told when all of it is done; background has nobody to tell. */
  done?: (nowNs: number) => void;
}

export interface ServerOptions {
  chunkNs: number;
  /** Loads of others, which come at random and are urgent: how much of the server's time they ask for, and each of them. */
  background: { utilisation: number; serviceNs: number };
  /** Background that finds so many urgent loads in the queue is turned away. */
  queueDepth: number;
  /** Over which the utilisation by what is urgent fades. */
  meterNs: number;
  seed: number;
  stream: number;
}

/**
 * What all loads of some GPUs pass through, one at a time: urgent ones in order of arrival, and where there are none a chunk of
 * the speculative one that is needed first.
 */
export class Server {
  readonly #options: ServerOptions;
  readonly #urgent: Work[] = [];
  readonly #speculative: Work[] = [];
  readonly #bits: RandomBits;
  #words = new Uint32Array(0);
  #wordsUsed = 0;
  #serving: Work | null = null;
  #servingUrgent = false;
  #endsNs = Number.POSITIVE_INFINITY;
  #backgroundNs = Number.POSITIVE_INFINITY;
  /** What has been posted and is not being served, whether it is here or its command is on the way; rounding may leave it below 0. */
  #urgentLeftNs = 0;
  #speculativeLeftNs = 0;
  #metered = 0;
  #meteredAtNs = 0;
  busyNs = 0;
  backgroundNs = 0;
  turnedAway = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#bits = new RandomBits({ seed: options.seed, stream: options.stream, batch: 1024 });
    if (options.background.utilisation > 0) this.#backgroundNs = this.#gapNs();
  }

  /** When next something happens by itself. */
  get nextNs(): number {
    return Math.min(this.#endsNs, this.#backgroundNs);
  }

  /** Lets happen what is next. */
  act(): void {
    const { background, queueDepth } = this.#options;
    if (this.#backgroundNs < this.#endsNs) {
      const nowNs = this.#backgroundNs;
      this.#backgroundNs += this.#gapNs();
      if (this.#urgent.length >= queueDepth) {
        this.turnedAway++;
        return;
      }
      const work = {
        leftNs: background.serviceNs,
        servedNs: 0,
        urgent: true,
        needNs: 0,
        here: false,
        cancelled: false,
      };
      this.post(work, nowNs);
      this.arrive(work, nowNs);
      return;
    }
    const [nowNs, work] = [this.#endsNs, this.#serving!];
    this.#serving = null;
    this.#endsNs = Number.POSITIVE_INFINITY;
    if (work.leftNs === 0) work.done?.(nowNs);
    this.#serve(nowNs);
  }

  /** Knows of work from now on, which `arrive`s when its command does. */
  post(work: Work, nowNs: number): void {
    this.#count(work, work.leftNs);
    if (work.urgent) this.#meter(work.leftNs, nowNs);
  }

  arrive(work: Work, nowNs: number): void {
    if (work.cancelled) return;
    work.here = true;
    this.#queue(work);
    if (this.#serving === null) this.#serve(nowNs);
  }

  /** Makes speculative work urgent. */
  promote(work: Work, nowNs: number): void {
    if (work.here) this.#unqueue(work);
    this.#count(work, -work.leftNs);
    work.urgent = true;
    this.post(work, nowNs);
    if (work.here) this.#queue(work);
  }

  /** Drops what is left of speculative work; the chunk under way is finished. */
  cancel(work: Work): void {
    if (work.here) this.#unqueue(work);
    this.#count(work, -work.leftNs);
    work.cancelled = true;
    work.leftNs = 0;
    delete work.done;
  }

  /** Work that lies before the server, posted or under way. */
  urgentNs(nowNs: number): number {
    return Math.max(0, this.#urgentLeftNs) + (this.#serving && this.#servingUrgent ? this.#endsNs - nowNs : 0);
  }
  speculativeNs(nowNs: number): number {
    return Math.max(0, this.#speculativeLeftNs) + (this.#serving && !this.#servingUrgent ? this.#endsNs - nowNs : 0);
  }

  /** How much urgent work came of late, over the time in which it came. */
  utilisation(nowNs: number): number {
    return (this.#metered * exp((this.#meteredAtNs - nowNs) / this.#options.meterNs)) / this.#options.meterNs;
  }

  #serve(nowNs: number): void {
    const work = this.#urgent.shift() ?? this.#speculative[0];
    if (!work) return;
    // Nothing overtakes what is urgent, so it goes in one piece.
    const pieceNs = work.urgent ? work.leftNs : Math.min(work.leftNs, this.#options.chunkNs);
    if (pieceNs === work.leftNs && !work.urgent) this.#speculative.shift();
    this.#count(work, -pieceNs);
    work.leftNs -= pieceNs;
    work.servedNs += pieceNs;
    this.busyNs += pieceNs;
    if (!work.done) this.backgroundNs += pieceNs;
    this.#serving = work;
    this.#servingUrgent = work.urgent;
    this.#endsNs = nowNs + pieceNs;
  }

  #queue(work: Work): void {
    if (work.leftNs === 0) return;
    if (work.urgent) {
      this.#urgent.push(work);
      return;
    }
    let i = this.#speculative.length;
    while (i > 0 && this.#speculative[i - 1]!.needNs > work.needNs) i--;
    this.#speculative.splice(i, 0, work);
  }

  #unqueue(work: Work): void {
    const i = this.#speculative.indexOf(work);
    if (i >= 0) this.#speculative.splice(i, 1);
  }

  #count(work: Work, ns: number): void {
    if (work.urgent) this.#urgentLeftNs += ns;
    else this.#speculativeLeftNs += ns;
  }

  #meter(workNs: number, nowNs: number): void {
    this.#metered = this.#metered * exp((this.#meteredAtNs - nowNs) / this.#options.meterNs) + workNs;
    this.#meteredAtNs = nowNs;
  }

  #gapNs(): number {
    if (this.#wordsUsed === this.#words.length) {
      this.#words = this.#bits.next() as Uint32Array<ArrayBuffer>;
      this.#wordsUsed = 0;
    }
    const { utilisation, serviceNs } = this.#options.background;
    return -(serviceNs / utilisation) * ln((this.#words[this.#wordsUsed++]! + 1) / 2 ** 32);
  }
}
