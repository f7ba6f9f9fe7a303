// The perceptron of assembly/mlp.ts in TypeScript, forward: rows of weights an input, zeros left out.

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
