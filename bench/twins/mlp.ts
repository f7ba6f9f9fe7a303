// The perceptron of assembly/mlp.ts in TypeScript, forward and Adam: rows of weights an input, zeros left out.

export interface TwinLayer {
  height: number;
  width: number;
  /** [input][output], and biases. */
  weights: Float32Array;
  biases: Float32Array;
}

export function forward(layers: readonly TwinLayer[], rows: readonly Float32Array[], tokens: number): void {
  for (let l = 0; l < layers.length; l++) {
    const { height, width, weights, biases } = layers[l]!;
    const [from, to] = [rows[l]!, rows[l + 1]!];
    for (let token = 0; token < tokens; token++) {
      const sums = to.subarray(token * width, (token + 1) * width);
      sums.set(biases);
      for (let i = 0; i < height; i++) {
        const value = from[token * height + i]!;
        if (value === 0) continue;
        const row = i * width;
        for (let o = 0; o < width; o++) sums[o] = sums[o]! + Math.fround(value * weights[row + o]!);
      }
      for (let o = 0; o < width; o++) sums[o] = l < 2 ? Math.max(0, sums[o]!) : 1 / (1 + Math.exp(-sums[o]!));
    }
  }
}

interface Moments {
  gradient: Float32Array;
  means: Float32Array;
  squares: Float32Array;
}

/** A step of Adam down the mean cross-entropy, of `tokens` tokens at a time. */
export function trainer(layers: readonly TwinLayer[], tokens: number) {
  const momentsOf = (values: Float32Array): Moments => ({
    gradient: new Float32Array(values.length),
    means: new Float32Array(values.length),
    squares: new Float32Array(values.length),
  });
  const moments = layers.map(({ weights, biases }) => ({ weights: momentsOf(weights), biases: momentsOf(biases) }));
  const rows = [layers[0]!.height, ...layers.map(({ width }) => width)].map(
    (width) => new Float32Array(tokens * width),
  );
  const deltas = rows.map(({ length }) => new Float32Array(length));
  let [powerMean, powerSquare] = [1, 1];
  return (x: Float32Array, targets: Float32Array, rate: number): Float32Array => {
    rows[0]!.set(x);
    forward(layers, rows, tokens);
    const outputs = rows.at(-1)!;
    for (let o = 0; o < outputs.length; o++) deltas.at(-1)![o] = (outputs[o]! - targets[o]!) / outputs.length;
    powerMean *= 0.9;
    powerSquare *= 0.999;
    const step = rate / (1 - powerMean);
    for (let l = layers.length - 1; l >= 0; l--) {
      const { weights, biases } = moments[l]!;
      backward(layers[l]!, rows[l]!, deltas[l]!, deltas[l + 1]!, weights.gradient, biases.gradient, l > 0);
      adam(layers[l]!.weights, weights, step, 1 / (1 - powerSquare));
      adam(layers[l]!.biases, biases, step, 1 / (1 - powerSquare));
    }
    return outputs;
  };
}

/** The gradient of a layer, and what goes down to the one below: nothing where the rectifier let nothing through. */
function backward(
  { height, width, weights }: TwinLayer,
  from: Float32Array,
  below: Float32Array,
  above: Float32Array,
  gradient: Float32Array,
  biasGradient: Float32Array,
  isDown: boolean,
): void {
  gradient.fill(0);
  biasGradient.fill(0);
  for (let token = 0; token * height < from.length; token++) {
    const delta = above.subarray(token * width, (token + 1) * width);
    for (let o = 0; o < width; o++) biasGradient[o] = biasGradient[o]! + delta[o]!;
    for (let i = 0; i < height; i++) {
      const value = from[token * height + i]!;
      below[token * height + i] = 0;
      if (value === 0) continue;
      const row = i * width;
      let sum = 0;
      for (let o = 0; o < width; o++) {
        gradient[row + o] = gradient[row + o]! + Math.fround(value * delta[o]!);
        if (isDown) sum += weights[row + o]! * delta[o]!;
      }
      below[token * height + i] = sum;
    }
  }
}

function adam(weights: Float32Array, { gradient, means, squares }: Moments, step: number, squareScale: number): void {
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i]!;
    means[i] = 0.9 * means[i]! + 0.1 * g;
    squares[i] = 0.999 * squares[i]! + 0.001 * g * g;
    weights[i] = weights[i]! - (step * means[i]!) / (Math.sqrt(squares[i]! * squareScale) + 1e-7);
  }
}
