import type { Distribution } from "./distribution.ts";
import { type Complex, transform } from "./fourier.ts";

/** Probability mass on evenly spaced points: `mass[i]` lies at startNs + i x stepNs. */
export class Lattice {
  readonly startNs: number;
  readonly stepNs: number;
  readonly mass: Float64Array;
  readonly #beyond: Float64Array; // the mass from each point on, summed from the far end so that small tails stay exact

  constructor(startNs: number, stepNs: number, mass: Float64Array) {
    this.startNs = startNs;
    this.stepNs = stepNs;
    this.mass = mass;
    this.#beyond = new Float64Array(mass.length + 1);
    for (let i = mass.length - 1; i >= 0; i--) this.#beyond[i] = this.#beyond[i + 1]! + mass[i]!;
  }

  /**
   * A distribution on points from `startNs` on, which is not above its least value: each of its cells is shared out to the
   * points around it so that its mean stays where it is.
   */
  static of(distribution: Distribution, stepNs: number, startNs = distribution.leastNs): Lattice {
    const mass = new Float64Array(Math.ceil((distribution.mostNs - startNs) / stepNs) + 2);
    const share = (at: number, amount: number) => {
      const point = Math.floor(at);
      mass[point]! += amount * (1 - (at - point));
      mass[point + 1]! += amount * (at - point);
    };
    for (const cell of distribution.cells()) {
      const [low, high] = [(cell.lowNs - startNs) / stepNs, (cell.highNs - startNs) / stepNs];
      if (high - low < 1e-9) {
        share(low, cell.share);
        continue;
      }
      for (let from = low; from < high; ) {
        const to = Math.min(high, Math.floor(from) + 1);
        share((from + to) / 2, (cell.share * (to - from)) / (high - low));
        from = to;
      }
    }
    return new Lattice(startNs, stepNs, mass);
  }

  /** Later by `ns`. */
  shifted(ns: number): Lattice {
    return new Lattice(this.startNs + ns, this.stepNs, this.mass);
  }

  /** The probability of more than `ns`, between two points along a straight line. */
  exceedance(ns: number): number {
    // Half of a point's mass lies to either side of it.
    const place = (ns - this.startNs) / this.stepNs + 0.5;
    if (place <= 0) return 1;
    const i = Math.floor(place);
    if (i >= this.mass.length) return 0;
    return Math.min(1, this.#beyond[i + 1]! + (1 - (place - i)) * this.mass[i]!);
  }

  /** What is exceeded with probability `u`. */
  quantileNs(u: number): number {
    let [low, high] = [0, this.mass.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#beyond[middle]! > u) low = middle;
      else high = middle;
    }
    const within = this.mass[low]! > 0 ? (this.#beyond[low]! - u) / this.mass[low]! : 0;
    return this.startNs + (low - 0.5 + within) * this.stepNs;
  }

  moments(): { meanNs: number; sigmaNs: number } {
    let [mean, square] = [0, 0];
    const centre = (this.quantileNs(0.5) - this.startNs) / this.stepNs;
    this.mass.forEach((mass, i) => {
      mean += mass * (i - centre);
      square += mass * (i - centre) ** 2;
    });
    return {
      meanNs: this.startNs + (centre + mean) * this.stepNs,
      sigmaNs: Math.sqrt(Math.max(0, square - mean * mean)) * this.stepNs,
    };
  }
}

/** The sum of independent terms, all of one step. */
export function convolve(terms: readonly Lattice[]): Lattice {
  const length = terms.reduce((sum, { mass }) => sum + mass.length - 1, 1);
  const size = 2 ** Math.ceil(Math.log2(length));
  const spectra = new Map<Lattice, Complex>();
  const product = { re: new Float64Array(size).fill(1), im: new Float64Array(size) };
  for (const term of terms) {
    const spectrum = spectra.get(term) ?? spectrumOf(term.mass, size);
    spectra.set(term, spectrum);
    for (let i = 0; i < size; i++) {
      const re = product.re[i]!;
      const im = product.im[i]!;
      product.re[i] = re * spectrum.re[i]! - im * spectrum.im[i]!;
      product.im[i] = re * spectrum.im[i]! + im * spectrum.re[i]!;
    }
  }
  const startNs = terms.reduce((sum, term) => sum + term.startNs, 0);
  return new Lattice(startNs, terms[0]!.stepNs, massOf(product, length));
}

/** One or the other: `a` with probability `shareOfA`, else `b`, whose points are those of `a`. */
export function mix(a: Lattice, b: Lattice, shareOfA: number): Lattice {
  const startNs = Math.min(a.startNs, b.startNs);
  const placed = [a, b].map((lattice) => {
    const first = (lattice.startNs - startNs) / a.stepNs;
    if (lattice.stepNs !== a.stepNs || Math.abs(first - Math.round(first)) > 1e-3)
      throw new RangeError(
        `the points of two lattices must coincide, got ${lattice.startNs} off ${startNs} by ${a.stepNs}`,
      );
    return { first: Math.round(first), mass: lattice.mass };
  });
  const mass = new Float64Array(Math.max(...placed.map(({ first, mass }) => first + mass.length)));
  placed.forEach((lattice, which) => {
    const share = which === 0 ? shareOfA : 1 - shareOfA;
    for (let i = 0; i < lattice.mass.length; i++) mass[lattice.first + i]! += share * lattice.mass[i]!;
  });
  return new Lattice(startNs, a.stepNs, mass);
}

/**
 * The sum of `trials` terms, each `term` (which starts at 0) with `probability` and otherwise 0, on at least `points` points,
 * which must reach beyond all sums that matter: what lies further off comes round to the first.
 */
export function compound(term: Lattice, trials: number, probability: number, points: number): Lattice {
  const size = 2 ** Math.ceil(Math.log2(points));
  const placed = new Float64Array(size);
  placed[0] = 1 - probability;
  term.mass.forEach((mass, i) => {
    placed[Math.min(size - 1, i)]! += probability * mass;
  });
  const { re, im } = spectrumOf(placed, size);
  for (let i = 0; i < size; i++) {
    const radius = Math.hypot(re[i]!, im[i]!) ** trials;
    const angle = Math.atan2(im[i]!, re[i]!) * trials;
    re[i] = radius * Math.cos(angle);
    im[i] = radius * Math.sin(angle);
  }
  return new Lattice(0, term.stepNs, massOf({ re, im }, size));
}

/** The sum of so many terms: none with probability 1 - `more`, and after each another with probability `more`; else as `compound`. */
export function geometricSum(term: Lattice, more: number, points: number): Lattice {
  const size = 2 ** Math.ceil(Math.log2(points));
  const { re, im } = spectrumOf(term.mass, size);
  for (let i = 0; i < size; i++) {
    // (1 - more) / (1 - more x spectrum)
    const [below, beside] = [1 - more * re[i]!, -more * im[i]!];
    const scale = (1 - more) / (below * below + beside * beside);
    re[i] = below * scale;
    im[i] = -beside * scale;
  }
  return new Lattice(0, term.stepNs, massOf({ re, im }, size));
}

/** The greatest of `count` independent values of `each`. */
export function greatestOf(each: Lattice, count: number): Lattice {
  let [below, raised] = [0, 0];
  const mass = each.mass.map((share) => {
    below = Math.min(1, below + share);
    const before = raised;
    raised = below ** count;
    return raised - before;
  });
  return new Lattice(each.startNs, each.stepNs, mass);
}

function spectrumOf(mass: Float64Array, size: number): Complex {
  const spectrum = { re: new Float64Array(size), im: new Float64Array(size) };
  spectrum.re.set(mass);
  transform(spectrum);
  return spectrum;
}

/** The inverse transform; what rounding leaves where no mass is, is taken off. */
function massOf(spectrum: Complex, length: number): Float64Array {
  const size = spectrum.re.length;
  transform({ re: spectrum.im, im: spectrum.re }); // swapped, it runs backwards
  return spectrum.re.subarray(0, length).map((value) => (value / size > 1e-16 ? value / size : 0));
}
