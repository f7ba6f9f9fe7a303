import { ADAM_DECAY_MEAN, ADAM_DECAY_SQUARE, ADAM_EPSILON, MLP_LAYERS, MLP_SIZES, MLP_STRIP } from "./layout";
import { listLive, multiplyRows, rectify, STRIP_BYTES, squash, sumStrips } from "./perceptron";

/** Fills the hidden rows and the outputs of `activations` from the inputs of its first `tokens` tokens. */
export function forwardMlp(
  activations: StaticArray<f32>,
  live: StaticArray<u32>,
  weights: StaticArray<f32>,
  sizes: StaticArray<u32>,
  batch: i32,
  tokens: i32,
): void {
  assert(sizes.length === MLP_SIZES, "inputs, two hidden sizes, outputs");
  assert(tokens <= batch, "there is room for as many tokens");
  const lists = changetype<usize>(live);
  let from = changetype<usize>(activations);
  let strip = changetype<usize>(weights);
  for (let layer = 0; layer < MLP_LAYERS; layer++) {
    const height = sizes[layer];
    const width = sizes[layer + 1];
    const next = (<usize>height) << 2;
    const to = from + <usize>batch * next;
    const listNext = (next << 1) + 8;
    for (let token = 0; token < tokens; token++)
      listLive(lists + <usize>token * listNext, from + <usize>token * next, 4, STRIP_BYTES, height);
    const biases = <usize>height * STRIP_BYTES;
    const rowBytes = (<usize>width) << 2;
    for (let at: usize = 0; at < rowBytes; at += STRIP_BYTES) {
      sumStrips(to + at, rowBytes, strip + biases, from, next, strip, lists, listNext, tokens);
      strip += biases + STRIP_BYTES;
    }
    if (layer < MLP_LAYERS - 1) rectify(to, tokens * width);
    else squash(to, tokens * width);
    from = to;
  }
}

/**
 * One step of Adam (Kingma, Ba, "Adam: a method for stochastic optimization", 2015) down the binary cross-entropy of the first
 * `tokens` tokens against `targets`, of which each output counts with `share`.
 */
export function trainMlp(
  weights: StaticArray<f32>,
  means: StaticArray<f32>,
  squares: StaticArray<f32>,
  powers: StaticArray<f64>,
  activations: StaticArray<f32>,
  deltas: StaticArray<f32>,
  gradient: StaticArray<f32>,
  live: StaticArray<u32>,
  targets: StaticArray<f32>,
  sizes: StaticArray<u32>,
  batch: i32,
  tokens: i32,
  share: f64,
  rate: f64,
): void {
  forwardMlp(activations, live, weights, sizes, batch, tokens);
  powers[0] *= ADAM_DECAY_MEAN;
  powers[1] *= ADAM_DECAY_SQUARE;
  const step = <f32>(rate / (1 - powers[0]));
  const squareScale = <f32>(1 / (1 - powers[1]));

  let above = 0;
  let strips = 0;
  for (let layer = 0; layer < MLP_LAYERS; layer++) {
    above += batch * sizes[layer];
    strips += (sizes[layer] + 1) * sizes[layer + 1];
  }
  // With sigmoids and this loss, what goes down from an output is its error alone.
  const outputs = tokens * sizes[MLP_LAYERS];
  for (let i = 0; i < outputs; i++) deltas[above + i] = (activations[above + i] - targets[i]) * <f32>share;

  for (let layer = MLP_LAYERS - 1; layer >= 0; layer--) {
    const height: i32 = sizes[layer];
    const width: i32 = sizes[layer + 1];
    const below = above - batch * height;
    strips -= (height + 1) * width;
    // Downwards first: it goes by the weights as they were.
    if (layer > 0) lowerDeltas(deltas, activations, live, weights, strips, below, above, height, width, tokens);
    const lists = changetype<usize>(live);
    const values = changetype<usize>(activations) + ((<usize>below) << 2);
    const listNext = (<usize>(tokens + 1)) << 3;
    for (let i = 0; i < height; i++)
      listLive(
        lists + <usize>i * listNext,
        values + ((<usize>i) << 2),
        (<usize>height) << 2,
        (<usize>width) << 2,
        tokens,
      );
    for (let strip = 0; strip < width; strip += MLP_STRIP) {
      const length = (height + 1) * MLP_STRIP;
      sumGradient(gradient, lists, values, deltas, above + strip, height, width, tokens);
      stepAdam(weights, means, squares, gradient, strips + (strip / MLP_STRIP) * length, length, step, squareScale);
    }
    above = below;
  }
}

/** Deltas of the layer below from those of the layer above; 0 where the rectifier let nothing through. */
function lowerDeltas(
  deltas: StaticArray<f32>,
  activations: StaticArray<f32>,
  live: StaticArray<u32>,
  weights: StaticArray<f32>,
  strips: i32,
  below: i32,
  above: i32,
  height: i32,
  width: i32,
  tokens: i32,
): void {
  const list = changetype<usize>(live);
  const stripBytes = <usize>(height + 1) * STRIP_BYTES;
  for (let token = 0; token < tokens; token++) {
    const at = (<usize>(below + token * height)) << 2;
    const products = changetype<usize>(deltas) + at;
    for (let i = 0; i < height; i++) store<f32>(products + ((<usize>i) << 2), 0);
    listLive(list, changetype<usize>(activations) + at, 4, STRIP_BYTES, height);
    const row = changetype<usize>(deltas) + ((<usize>(above + token * width)) << 2);
    multiplyRows(products, row, changetype<usize>(weights) + ((<usize>strips) << 2), stripBytes, width, list);
  }
}

/** Fills the start of `gradient` with that of a strip of weights and biases; its last strip stays 0. */
function sumGradient(
  gradient: StaticArray<f32>,
  lists: usize,
  values: usize,
  deltas: StaticArray<f32>,
  from: i32,
  height: i32,
  width: i32,
  tokens: i32,
): void {
  const sums = changetype<usize>(gradient);
  const zeros = sums + ((<usize>(gradient.length - MLP_STRIP)) << 2);
  const rows = changetype<usize>(deltas) + ((<usize>from) << 2);
  const listNext = (<usize>(tokens + 1)) << 3;
  sumStrips(sums, STRIP_BYTES, zeros, values, 4, rows, lists, listNext, height);
  for (let o = 0; o < MLP_STRIP; o++) {
    let sum: f32 = 0;
    for (let token = 0; token < tokens; token++) sum += deltas[from + token * width + o];
    gradient[height * MLP_STRIP + o] = sum;
  }
}

/** Moves `length` weights from `at` on by what Adam makes of their gradient. */
function stepAdam(
  weights: StaticArray<f32>,
  means: StaticArray<f32>,
  squares: StaticArray<f32>,
  gradient: StaticArray<f32>,
  at: i32,
  length: i32,
  step: f32,
  squareScale: f32,
): void {
  const keepMean = <f32>ADAM_DECAY_MEAN;
  const keepSquare = <f32>ADAM_DECAY_SQUARE;
  const addMean = <f32>(1 - ADAM_DECAY_MEAN);
  const addSquare = <f32>(1 - ADAM_DECAY_SQUARE);
  if (ASC_FEATURE_SIMD) {
    for (let o: usize = 0; o < (<usize>length) << 2; o += 16) {
      const place = ((<usize>at) << 2) + o;
      const g = v128.load(changetype<usize>(gradient) + o);
      const oldMean = v128.load(changetype<usize>(means) + place);
      const oldSquare = v128.load(changetype<usize>(squares) + place);
      const mean = f32x4.add(f32x4.mul(f32x4.splat(keepMean), oldMean), f32x4.mul(f32x4.splat(addMean), g));
      const square = f32x4.add(
        f32x4.mul(f32x4.splat(keepSquare), oldSquare),
        f32x4.mul(f32x4.splat(addSquare), f32x4.mul(g, g)),
      );
      v128.store(changetype<usize>(means) + place, mean);
      v128.store(changetype<usize>(squares) + place, square);
      const root = f32x4.sqrt(f32x4.mul(square, f32x4.splat(squareScale)));
      const change = f32x4.div(f32x4.mul(f32x4.splat(step), mean), f32x4.add(root, f32x4.splat(ADAM_EPSILON)));
      v128.store(changetype<usize>(weights) + place, f32x4.sub(v128.load(changetype<usize>(weights) + place), change));
    }
  } else {
    for (let o = 0; o < length; o++) {
      const g = gradient[o];
      const mean = keepMean * means[at + o] + addMean * g;
      const square = keepSquare * squares[at + o] + addSquare * (g * g);
      means[at + o] = mean;
      squares[at + o] = square;
      weights[at + o] -= (step * mean) / (sqrt<f32>(square * squareScale) + ADAM_EPSILON);
    }
  }
}

/** Lists of each of `tokens` rows of `scores` the `count` places that score highest, the best first, the first among equals. */
export function selectTop(
  top: StaticArray<u32>,
  scores: StaticArray<f32>,
  from: i32,
  places: i32,
  stride: i32,
  tokens: i32,
  count: i32,
): void {
  assert(count <= places, "no more than there are");
  for (let token = 0; token < tokens; token++) {
    const row = from + token * stride;
    const list = token * count;
    let listed = 0;
    for (let place = 0; place < places; place++) {
      const score = scores[row + place];
      if (listed === count && !(score > scores[row + top[list + count - 1]])) continue;
      if (listed < count) listed++;
      let i = listed - 1;
      for (; i > 0 && score > scores[row + top[list + i - 1]]; i--) top[list + i] = top[list + i - 1];
      top[list + i] = place;
    }
  }
}
