import { ADAM_WORDS, MLP_LAYERS, MLP_SIZES, MLP_STRIP } from "../assembly/layout.ts";
import { checkBetween, checkFinite, checkKeys, checkLength, checkPositive, checkWhole } from "./check.ts";
import type { Tensor, Tensors } from "./formats/safetensors.ts";
import { ln } from "./normal.ts";
import { RandomBits } from "./random.ts";
import { workspace } from "./wasm.ts";

export interface MlpOptions {
  inputs: number;
  /** Units of the two hidden layers. */
  hidden: readonly [number, number];
  outputs: number;
  /** Tokens that one call takes at the most; 8 unless given. */
  batch?: number;
  /** Of the weights that it begins with; 1 unless given. */
  seed?: number;
}

/** The prefixes of the layers' names in a file: `.weight` and `.bias` follow. */
export const MLP_NAMES = ["layers.0", "layers.1", "layers.2"] as const;

/** A layer of units, and where it lies: sizes as they are, and rounded up to whole strips. */
interface Layer {
  height: number;
  width: number;
  /** Where the weight that leads from an input to an output is; from the last input's on, an output's bias. */
  place: (input: number, output: number) => number;
  bias: (output: number) => number;
}

/**
 * A perceptron of three layers: rectifiers in the hidden ones, sigmoids at the end, so that each output is the probability
 * that its expert is among those to come. Trained by Adam on the binary cross-entropy, mean of tokens and outputs.
 */
export class Mlp {
  readonly sizes: readonly [inputs: number, hidden1: number, hidden2: number, outputs: number];
  readonly batch: number;
  readonly #layers: Layer[];
  readonly #weights: Float32Array;
  readonly #outputs: Float32Array;
  readonly #rows: Float32Array;
  readonly #setInputs: (inputs: Float32Array) => number;
  readonly #forward: (tokens: number) => void;
  readonly #train: (targets: Float32Array, tokens: number, rate: number) => void;
  readonly #top: (tokens: number, count: number) => Uint32Array;
  readonly #restart: () => void;
  /** Tokens of the last forward pass. */
  #tokens = 0;

  constructor({ inputs, hidden, outputs, batch = 8, seed = 1, ...rest }: MlpOptions) {
    checkKeys("options", rest, ["inputs", "hidden", "outputs", "batch", "seed"]);
    checkWhole("inputs", inputs, 1, MOST_UNITS);
    if (hidden?.length !== 2) throw new TypeError(`hidden must hold the sizes of two layers, got ${hidden?.length}`);
    for (const [i, units] of hidden.entries()) checkWhole(`hidden[${i}]`, units, 1, MOST_UNITS);
    checkWhole("outputs", outputs, 1, MOST_UNITS);
    checkWhole("batch", batch, 1, 65536);
    this.sizes = [inputs, hidden[0], hidden[1], outputs];
    this.batch = batch;
    const padded = this.sizes.map((size) => Math.ceil(size / MLP_STRIP) * MLP_STRIP);
    const [rowInputs, , , rowOutputs] = padded as [number, number, number, number];
    let length = 0;
    this.#layers = Array.from({ length: MLP_LAYERS }, (_, i) => {
      const at = length;
      const rows = padded[i]! + 1;
      length += rows * padded[i + 1]!;
      const place = (input: number, output: number) => {
        const [strip, column] = [Math.floor(output / MLP_STRIP), output % MLP_STRIP];
        return at + (strip * rows + input) * MLP_STRIP + column;
      };
      return {
        height: this.sizes[i]!,
        width: this.sizes[i + 1]!,
        place,
        bias: (output) => place(rows - 1, output),
      };
    });
    const tallest = Math.max(...padded.slice(0, MLP_LAYERS));
    const units = batch * padded.reduce((sum, size) => sum + size, 0);
    const { kernels, views, at } = workspace({
      weights: ["F32", length],
      means: ["F32", length],
      squares: ["F32", length],
      powers: ["F64", ADAM_WORDS],
      activations: ["F32", units],
      deltas: ["F32", units],
      gradient: ["F32", (tallest + 2) * MLP_STRIP],
      live: ["U32", 2 * (batch + 1) * (tallest + 1)],
      targets: ["F32", batch * rowOutputs],
      top: ["U32", batch * outputs],
      sizes: ["U32", MLP_SIZES],
    });
    views.sizes.set(padded);
    // What lies past the last output is met by its own 0.5, so that it never learns.
    views.targets.fill(0.5);
    const outputsAt = units - batch * rowOutputs;
    this.#weights = views.weights;
    this.#rows = views.activations.subarray(outputsAt);
    // Where rows have no gaps, what the kernel wrote is what the caller reads.
    this.#outputs = rowOutputs === outputs ? this.#rows : new Float32Array(batch * outputs);
    this.#setInputs = (values) => {
      const tokens = values.length / inputs;
      if (!(tokens >= 1 && tokens <= batch && Number.isInteger(tokens)))
        throw new RangeError(
          `inputs must hold ${inputs} values for each of 1 to ${batch} tokens, got ${values.length}`,
        );
      spread(views.activations, values, inputs, rowInputs);
      this.#tokens = tokens;
      return tokens;
    };
    this.#forward = (tokens) => kernels.forwardMlp(at.activations, at.live, at.weights, at.sizes, batch, tokens);
    this.#train = (targets, tokens, rate) => {
      checkLength("targets", targets, tokens * outputs);
      spread(views.targets, targets, outputs, rowOutputs);
      const share = 1 / (tokens * outputs);
      kernels.trainMlp(
        at.weights,
        at.means,
        at.squares,
        at.powers,
        at.activations,
        at.deltas,
        at.gradient,
        at.live,
        at.targets,
        at.sizes,
        batch,
        tokens,
        share,
        rate,
      );
    };
    this.#top = (tokens, count) => {
      kernels.selectTop(at.top, at.activations, outputsAt, outputs, rowOutputs, tokens, count);
      return views.top.subarray(0, tokens * count);
    };
    this.#restart = () => {
      views.means.fill(0);
      views.squares.fill(0);
      views.powers.fill(1);
    };
    this.#restart();
    this.#seed(seed);
  }

  /** Weights within sqrt(6 / inputs of the layer) of 0 (He and others, 2015), biases 0. */
  #seed(seed: number): void {
    const random = new RandomBits({ seed });
    let bits = random.next();
    let drawn = 0;
    for (const { height, width, place } of this.#layers) {
      const most = Math.sqrt(6 / height);
      for (let i = 0; i < height; i++) {
        for (let o = 0; o < width; o++) {
          if (drawn === bits.length) [bits, drawn] = [random.next(), 0];
          this.#weights[place(i, o)] = most * (bits[drawn++]! / 2 ** 31 - 1);
        }
      }
    }
  }

  /** The outputs of as many tokens as `inputs` holds, row by row. The next call overwrites them. */
  forward(inputs: Float32Array): Float32Array {
    const tokens = this.#setInputs(inputs);
    this.#forward(tokens);
    return this.#read();
  }

  #read(): Float32Array {
    const { outputs, width, tokens } = { outputs: this.#outputs, width: this.sizes[3], tokens: this.#tokens };
    if (outputs !== this.#rows) {
      const padded = this.#rows.length / this.batch;
      for (let token = 0; token < tokens; token++)
        outputs.set(this.#rows.subarray(token * padded, token * padded + width), token * width);
    }
    return outputs.subarray(0, tokens * width);
  }

  /** Of each token of the last pass the `count` outputs that are highest, the highest first. The next call overwrites them. */
  top(count: number): Uint32Array {
    checkWhole("count", count, 1, this.sizes[3]);
    return this.#top(this.#tokens, count);
  }

  /** One step of Adam at `rate` towards `targets`, of 0 to 1 for each output; returns what the outputs were before it. */
  train(inputs: Float32Array, targets: Float32Array, rate = 0.001): Float32Array {
    checkPositive("rate", rate);
    // One that is no number would leave none among the weights.
    for (let i = 0; i < inputs.length; i++) if (!Number.isFinite(inputs[i])) checkFinite(`inputs[${i}]`, inputs[i]!);
    for (let i = 0; i < targets.length; i++)
      if (!(targets[i]! >= 0 && targets[i]! <= 1)) checkBetween(`targets[${i}]`, targets[i]!, 0, 1);
    const tokens = this.#setInputs(inputs);
    this.#train(targets, tokens, rate);
    return this.#read();
  }

  /** The weights, each layer's as PyTorch has them: `.weight` of [outputs, inputs] and `.bias` of [outputs]. */
  tensors(names: readonly string[] = MLP_NAMES): Tensors {
    const tensors: Tensors = new Map();
    for (const [i, { height, width, place, bias }] of this.#layers.entries()) {
      const weights = Float32Array.from(
        { length: width * height },
        (_, at) => this.#weights[place(at % height, Math.floor(at / height))]!,
      );
      const biases = Float32Array.from({ length: width }, (_, output) => this.#weights[bias(output)]!);
      tensors.set(`${names[i]}.weight`, { shape: [width, height], values: weights });
      tensors.set(`${names[i]}.bias`, { shape: [width], values: biases });
    }
    return tensors;
  }

  /** Takes its weights from `tensors`, and starts training afresh; refuses, and changes nothing, if one is missing or of another shape. */
  load(tensors: Tensors, names: readonly string[] = MLP_NAMES): void {
    const found = this.#layers.map((layer, i) => ({
      layer,
      weights: tensorOf(tensors, `${names[i]}.weight`, [layer.width, layer.height]),
      biases: tensorOf(tensors, `${names[i]}.bias`, [layer.width]),
    }));
    for (const { layer, weights, biases } of found) {
      const { height, width, place, bias } = layer;
      for (let o = 0; o < width; o++) {
        for (let i = 0; i < height; i++) this.#weights[place(i, o)] = weights.values[o * height + i]!;
        this.#weights[bias(o)] = biases.values[o]!;
      }
    }
    this.#restart();
  }

  /** A perceptron of the sizes and weights of `tensors`. */
  static fromTensors(
    tensors: Tensors,
    { batch, names = MLP_NAMES }: { batch?: number; names?: readonly string[] } = {},
  ): Mlp {
    const shapes = MLP_NAMES.map((_, i) => {
      const name = `${names[i]}.weight`;
      const { shape } = tensorNamed(tensors, name);
      if (shape.length !== 2) throw new RangeError(`tensor ${name} must have 2 dimensions, got [${shape.join(", ")}]`);
      return shape as readonly [number, number];
    }) as [readonly [number, number], readonly [number, number], readonly [number, number]];
    const [[hidden1, inputs], [hidden2], [outputs]] = shapes;
    const mlp = new Mlp({ inputs, hidden: [hidden1, hidden2], outputs, ...(batch === undefined ? {} : { batch }) });
    mlp.load(tensors, names);
    return mlp;
  }
}

const MOST_UNITS = 65536;

/** The mean binary cross-entropy of `probabilities` against `targets`, in nats. */
export function crossEntropy(probabilities: ArrayLike<number>, targets: ArrayLike<number>): number {
  checkLength("targets", targets, probabilities.length);
  let sum = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const [p, target] = [probabilities[i]!, targets[i]!];
    checkBetween(`probabilities[${i}]`, p, 0, 1);
    // f32's 1 - 2^-25 rounds to 1, which would be wrong beyond measure when it is wrong.
    const sure = Math.min(Math.max(p, 2 ** -26), 1 - 2 ** -26);
    sum -= target * ln(sure) + (1 - target) * ln(1 - sure);
  }
  return sum / probabilities.length;
}

/** Copies rows of `width` values into rows of `padded`. */
function spread(rows: Float32Array, values: Float32Array, width: number, padded: number): void {
  if (width === padded) {
    rows.set(values);
    return;
  }
  for (let row = 0; row * width < values.length; row++)
    rows.set(values.subarray(row * width, (row + 1) * width), row * padded);
}

function tensorNamed(tensors: Tensors, name: string): Tensor {
  const tensor = tensors.get(name);
  if (!tensor) throw new RangeError(`tensor ${name} is missing; there are ${[...tensors.keys()].join(", ") || "none"}`);
  return tensor;
}

function tensorOf(tensors: Tensors, name: string, shape: readonly number[]): Tensor {
  const tensor = tensorNamed(tensors, name);
  if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i]))
    throw new RangeError(`tensor ${name} must be of shape [${shape.join(", ")}], got [${tensor.shape.join(", ")}]`);
  const wrong = tensor.values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new RangeError(`tensor ${name} must be finite, got ${tensor.values[wrong]} at ${wrong}`);
  return tensor;
}
