// A perceptron again, one number after another, in f32 and in f64. In f32 it rounds where the kernels do and adds in their order.

export interface Net {
  sizes: readonly number[];
  /** Of each layer, [output][input] and [output]. */
  weights: number[][][];
  biases: number[][];
}

type Round = (x: number) => number;
export const exact: Round = (x) => x;
const f = Math.fround;

/** 1 / (1 + e^-x), by the polynomial of the kernels. */
export function sigmoid(x: number): number {
  const y = Math.min(87, Math.max(-87, x));
  const n = f(f(12582912 - f(y * f(Math.LOG2E))) - 12582912);
  const r = f(f(-y - f(n * f(0.693359375))) - f(n * f(-2.1219444e-4)));
  const terms = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1]
    .map(f)
    .reduce((sum, term) => f(f(sum * r) + term));
  const e = f(f(f(f(terms * f(r * r)) + r) + 1) * 2 ** n);
  return f(1 / f(1 + e));
}

/** What comes out of each layer. */
export function forward({ weights, biases }: Net, inputs: readonly number[], round: Round = f): number[][] {
  const layers = [[...inputs]];
  for (let l = 0; l < 3; l++) {
    const from = layers.at(-1)!;
    const sums = biases[l]!.map((bias, o) =>
      from.reduce((sum, x, i) => (x === 0 ? sum : round(sum + round(x * weights[l]![o]![i]!))), bias),
    );
    const squash = round === exact ? (x: number) => 1 / (1 + Math.exp(-x)) : sigmoid;
    layers.push(sums.map(l < 2 ? (x) => (x > 0 ? x : 0) : squash));
  }
  return layers;
}

/** The loss whose gradient is trained down: the mean cross-entropy of all tokens and outputs, in f64. */
export function loss(net: Net, inputs: readonly number[][], targets: readonly number[][]): number {
  let sum = 0;
  inputs.forEach((token, t) => {
    forward(net, token, exact)[3]!.forEach((p, o) => {
      sum -= targets[t]![o]! * Math.log(p) + (1 - targets[t]![o]!) * Math.log(1 - p);
    });
  });
  return sum / (inputs.length * net.biases[2]!.length);
}

/** Of each layer the gradient of weights and biases, in the shapes of `net`. Sums downwards are four, one a lane, then theirs. */
export function gradients(net: Net, inputs: readonly number[][], targets: readonly number[][], f: Round = Math.fround) {
  const outputs = net.biases[2]!.length;
  const share = f(1 / (inputs.length * outputs));
  const passes = inputs.map((token) => forward(net, token, f));
  const weights = net.weights.map((layer) => layer.map((row) => row.map(() => 0)));
  const biases = net.biases.map((layer) => layer.map(() => 0));
  let deltas = passes.map((layers, t) => layers[3]!.map((p, o) => f(f(p - f(targets[t]![o]!)) * share)));
  for (let l = 2; l >= 0; l--) {
    passes.forEach((layers, t) => {
      deltas[t]!.forEach((delta, o) => {
        biases[l]![o] = f(biases[l]![o]! + delta);
        layers[l]!.forEach((x, i) => {
          if (x !== 0) weights[l]![o]![i] = f(weights[l]![o]![i]! + f(x * delta));
        });
      });
    });
    deltas = passes.map((layers, t) =>
      layers[l]!.map((x, i) => {
        if (x === 0) return 0;
        const lanes = [0, 0, 0, 0];
        deltas[t]!.forEach((delta, o) => {
          lanes[o % 4] = f(lanes[o % 4]! + f(delta * net.weights[l]![o]![i]!));
        });
        return f(f(lanes[0]! + lanes[1]!) + f(lanes[2]! + lanes[3]!));
      }),
    );
  }
  return { weights, biases };
}

/** Adam of one number. */
export class Adam {
  readonly #round: Round;
  #mean = 0;
  #square = 0;
  #power1 = 1;
  #power2 = 1;

  constructor(round: Round = f) {
    this.#round = round;
  }

  step(weight: number, gradient: number, rate: number): number {
    const f = this.#round;
    this.#power1 *= 0.9;
    this.#power2 *= 0.999;
    this.#mean = f(f(f(0.9) * this.#mean) + f(f(1 - 0.9) * gradient));
    this.#square = f(f(f(0.999) * this.#square) + f(f(1 - 0.999) * f(gradient * gradient)));
    const root = f(Math.sqrt(f(this.#square * f(1 / (1 - this.#power2)))));
    return f(weight - f(f(f(rate / (1 - this.#power1)) * this.#mean) / f(root + f(1e-7))));
  }
}
