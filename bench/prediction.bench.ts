import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as ort from "onnxruntime-web/wasm";
import { crossEntropy, Mlp, PREDICTORS, Predictor, RandomBits } from "../src/index.ts";
import { checksum } from "../test/reference/latency.ts";
import { compare, median } from "./compare.ts";
import { onnxOf } from "./onnx.ts";
import type { Row } from "./row.ts";
import { forward, type TwinLayer, trainer } from "./twins/mlp.ts";

const room = "prediction";
const sizes = { inputs: 64, hidden: [128, 128], outputs: 256 } as const;
/** What outputs and losses of others may differ by: they add in other orders. */
const TOLERANCE = 1e-5;
const ORT = "onnxruntime-web, Wasm, 1 thread";

interface Timed {
  name: string;
  run: () => unknown;
}

/** Median times of runs, in microseconds, in rounds of all there and back in turn, as `compare` has them; these may be awaited. */
async function side(contenders: readonly Timed[], quick: boolean): Promise<Map<string, number[]>> {
  const [rounds, budgetMs] = quick ? [2, 2] : [15, 50];
  const times = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = -3; round < rounds; round++) {
    for (const { name, run } of round % 2 === 0 ? contenders : [...contenders].reverse()) {
      const taken: number[] = [];
      for (const end = performance.now() + budgetMs; taken.length < 3 || performance.now() < end; ) {
        const began = performance.now();
        const result = run();
        if (result instanceof Promise) await result;
        taken.push((performance.now() - began) * 1000);
      }
      if (round >= 0) times.get(name)!.push(median(taken));
    }
  }
  return times;
}

function rowOf(times: Map<string, number[]>, name: string, peer: string, row: string, unit: string, work: number): Row {
  const [mine, theirs] = [times.get(name)!, times.get(peer)!];
  const ratio = median(theirs.map((time, round) => time / mine[round]!));
  return { room, row, value: median(mine) / work, unit, peer, ratio, checksum: null };
}

function jagged(length: number, seed: number): Float32Array {
  const bits = new RandomBits({ seed, batch: Math.ceil(length / 4) * 4 }).next();
  return Float32Array.from(bits.subarray(0, length), (word) => word / 2 ** 31 - 1);
}

function twinOf(mlp: Mlp): TwinLayer[] {
  const tensors = mlp.tensors();
  return [0, 1, 2].map((layer) => {
    const { shape, values } = tensors.get(`layers.${layer}.weight`)!;
    const [width, height] = shape as [number, number];
    const weights = Float32Array.from(values, (_, at) => values[(at % width) * height + Math.floor(at / width)]!);
    return { height, width, weights, biases: tensors.get(`layers.${layer}.bias`)!.values };
  });
}

function near(what: string, mine: ArrayLike<number>, theirs: ArrayLike<number>, tolerance = TOLERANCE): void {
  for (let i = 0; i < mine.length; i++)
    if (!(Math.abs(mine[i]! - theirs[i]!) < tolerance))
      throw new Error(`${room}: ${what} ${i} is ${mine[i]} here and ${theirs[i]} there`);
}

async function forwardRows(batch: number, quick: boolean): Promise<Row[]> {
  const mlp = new Mlp({ ...sizes, batch });
  const x = jagged(batch * sizes.inputs, 3);
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(onnxOf(mlp, batch), { executionProviders: ["wasm"] });
  const feeds = { x: new ort.Tensor("float32", x, [batch, sizes.inputs]) };
  const layers = twinOf(mlp);
  const rows = [64, 128, 128, 256].map((width) => new Float32Array(batch * width));
  rows[0]!.set(x);
  const outputs = mlp.forward(x);
  near("output", outputs, (await session.run(feeds)).y!.data as Float32Array);
  forward(layers, rows, batch);
  near("output", outputs, rows[3]!);
  const name = `forward 64-128-128-256, batch of ${batch}`;
  const typescript = "plain TypeScript";
  const times = await side(
    [
      { name, run: () => mlp.forward(x) },
      { name: ORT, run: () => session.run(feeds) },
      { name: typescript, run: () => forward(layers, rows, batch) },
    ],
    quick,
  );
  await session.release();
  const sum = checksum(mlp.forward(x));
  return [ORT, typescript].map((peer) => ({ ...rowOf(times, name, peer, name, "µs/token", batch), checksum: sum }));
}

/** Training steps of the same network by tfjs; `step` returns the loss before it. */
function tensorflow(mlp: Mlp, x: Float32Array, y: Float32Array, batch: number, rate: number) {
  const variables = twinOf(mlp).flatMap(({ weights, biases, height, width }) => [
    tf.variable(tf.tensor2d(weights, [height, width])),
    tf.variable(tf.tensor1d(biases)),
  ]);
  const [inputs, targets] = [tf.tensor2d(x, [batch, sizes.inputs]), tf.tensor2d(y, [batch, sizes.outputs])];
  const adam = tf.train.adam(rate, 0.9, 0.999, 1e-7);
  const loss = () => {
    let from: tf.Tensor2D = inputs;
    for (let layer = 0; layer < 3; layer++) {
      const sums: tf.Tensor2D = tf.add(
        tf.matMul(from, variables[2 * layer] as unknown as tf.Tensor2D),
        variables[2 * layer + 1]!,
      );
      from = layer < 2 ? tf.relu(sums) : sums;
    }
    return tf.losses.sigmoidCrossEntropy(targets, from) as tf.Scalar;
  };
  return (): number =>
    tf.tidy(() => {
      const cost = adam.minimize(loss, true, variables)!;
      return cost.dataSync()[0]!;
    });
}

async function trainRows(quick: boolean): Promise<Row[]> {
  const [batch, rate] = [8, 0.001];
  const x = jagged(batch * sizes.inputs, 5);
  const y = jagged(batch * sizes.outputs, 6).map((value) => Number(value > 0.8));
  const require = createRequire(import.meta.url);
  setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
  const name = `train 64-128-128-256, batch of ${batch}`;
  const rows: Row[] = [];
  for (const backend of ["plain TypeScript", "cpu", "wasm"]) {
    const mlp = new Mlp({ ...sizes, batch });
    const isTwin = backend === "plain TypeScript";
    if (!isTwin && !(await tf.setBackend(backend))) throw new Error(`${room}: tfjs has no backend ${backend}`);
    const train = isTwin ? trainer(twinOf(mlp), batch) : null;
    const step = train ? () => crossEntropy(train(x, y, rate), y) : tensorflow(mlp, x, y, batch, rate);
    // The same curve: step by step the losses are equal, and they fall.
    const steps = Array.from({ length: 20 }, () => [crossEntropy(mlp.train(x, y, rate), y), step()] as const);
    near(
      "loss",
      steps.map(([mine]) => mine),
      steps.map(([, theirs]) => theirs),
      1e-3,
    );
    if (!(steps.at(-1)![0] < steps[0]![0])) throw new Error(`${room}: the loss does not fall`);
    const peer = isTwin ? backend : `tfjs, ${backend}`;
    const times = await side(
      [
        { name, run: () => crossEntropy(mlp.train(x, y, rate), y) },
        { name: peer, run: step },
      ],
      quick,
    );
    rows.push(rowOf(times, name, peer, name, "µs/step", 1));
  }
  return rows;
}

/** 128 experts, 8 chosen, 32 layers: what the predictors cost a layer, each beside Markov. */
function predictorRows(quick: boolean): Row[] {
  const shape = { layers: 32, experts: 128, k: 8 };
  const bits = new RandomBits({ seed: 9, batch: 65536 }).next();
  // 256 tokens, of which each layer prefers low numbers.
  const routes = Array.from({ length: 8192 }, (_, row) => {
    const chosen = new Set<number>();
    for (let i = 0; chosen.size < shape.k; i++) {
      const u = bits[(row * 8 + i) % bits.length]! / 2 ** 32;
      chosen.add((Math.floor(u * u * shape.experts) + i * (i >> 3)) % shape.experts);
    }
    return Uint16Array.from(chosen);
  });
  const layersAtOnce = shape.layers;
  const contenders = PREDICTORS.map((name) => {
    const predictor = new Predictor(name, shape);
    for (const row of routes.slice(0, quick ? 320 : 8192)) predictor.observe(row);
    let next = 0;
    const run = () => {
      for (let i = 0; i < layersAtOnce; i++) {
        predictor.observe(routes[next++ % routes.length]!);
        predictor.predict();
      }
    };
    return { name, run, checksum: null };
  });
  const measured = compare(contenders, { room, unit: "µs/prediction", unitNs: 1000, work: layersAtOnce, quick });
  return PREDICTORS.map((name) => (name === "markov" ? measured.row(name) : measured.row(name, "markov")));
}

export default async function rows({ quick }: { quick: boolean }): Promise<Row[]> {
  return [
    ...(await forwardRows(1, quick)),
    ...(await forwardRows(8, quick)),
    ...(await trainRows(quick)),
    ...predictorRows(quick),
  ];
}
