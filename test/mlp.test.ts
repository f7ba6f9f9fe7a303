import fc from "fast-check";
import { expect, test } from "vitest";
import type { Tensors } from "../src/formats/safetensors.ts";
import { crossEntropy, Mlp } from "../src/mlp.ts";
import { RandomBits } from "../src/random.ts";
import { Adam, exact, forward, gradients, loss, type Net, sigmoid } from "./reference/mlp.ts";
import { shareOf } from "./share.ts";

const bits = new RandomBits({ seed: 5, batch: 65536 });

/** Jagged values from -1 to 1, a share of them 0. */
function jagged(length: number, zeros = 0): Float32Array {
  const words = bits.next();
  return Float32Array.from({ length }, (_, i) =>
    (words[(2 * i) % 65536]! >>> 8) / 2 ** 24 < zeros ? 0 : words[(2 * i + 1) % 65536]! / 2 ** 31 - 1,
  );
}

const rows = (values: Float32Array, width: number) =>
  Array.from({ length: values.length / width }, (_, t) => [...values.subarray(t * width, (t + 1) * width)]);

function netOf(mlp: Mlp): Net {
  const tensors = [...mlp.tensors().values()];
  return {
    sizes: mlp.sizes,
    weights: [0, 2, 4].map((i) => rows(tensors[i]!.values, tensors[i]!.shape[1]!)),
    biases: [1, 3, 5].map((i) => [...tensors[i]!.values]),
  };
}

/** With biases that are not 0. */
function jaggedMlp(inputs: number, hidden: readonly [number, number], outputs: number, batch: number): Mlp {
  const mlp = new Mlp({ inputs, hidden, outputs, batch });
  const tensors: Tensors = new Map(
    [...mlp.tensors()].map(([name, { shape, values }]) => [name, { shape, values: jagged(values.length) }]),
  );
  mlp.load(tensors);
  return mlp;
}

const SHAPES = [
  [64, [128, 128], 256, 8],
  [5, [3, 7], 2, 3],
  [16, [16, 16], 16, 1],
  [17, [33, 15], 31, 5],
  [1, [1, 1], 1, 2],
] as const;

test.each(SHAPES)("%i-%j-%i in batches of %i: forward gives the reference's bits", (inputs, hidden, outputs, batch) => {
  const mlp = jaggedMlp(inputs, hidden, outputs, batch);
  const net = netOf(mlp);
  for (const tokens of new Set([1, batch])) {
    const x = jagged(tokens * inputs, 0.3);
    const expected = rows(x, inputs).flatMap((token) => forward(net, token)[3]!);
    expect([...mlp.forward(x)]).toEqual(expected);
    const near = rows(x, inputs).flatMap((token) => forward(net, token, exact)[3]!);
    for (const [i, p] of expected.entries()) expect(Math.abs(p - near[i]!)).toBeLessThan(2e-5);
  }
});

test.each(SHAPES)(
  "%i-%j-%i in batches of %i: training gives the reference's bits, step by step",
  (inputs, hidden, outputs, batch) => {
    const mlp = jaggedMlp(inputs, hidden, outputs, batch);
    const net = netOf(mlp);
    const adams = new Map<string, Adam>();
    const step = (key: string, weight: number, gradient: number) => {
      if (!adams.has(key)) adams.set(key, new Adam());
      return adams.get(key)!.step(weight, gradient, 0.01);
    };
    for (const tokens of inputs === 64 ? [batch] : [batch, 1, batch]) {
      const x = jagged(tokens * inputs, 0.3);
      const y = jagged(tokens * outputs).map((v) => (v > 0.5 ? 1 : 0));
      const before = rows(x, inputs).flatMap((token) => forward(net, token)[3]!);
      const { weights, biases } = gradients(net, rows(x, inputs), rows(y, outputs));
      net.weights = net.weights.map((layer, l) =>
        layer.map((row, o) => row.map((w, i) => step(`${l} ${o} ${i}`, w, weights[l]![o]![i]!))),
      );
      net.biases = net.biases.map((layer, l) => layer.map((b, o) => step(`${l} ${o}`, b, biases[l]![o]!)));
      expect([...mlp.train(x, y, 0.01)]).toEqual(before);
      const trained = netOf(mlp);
      expect(trained.biases).toEqual(net.biases);
      expect(trained.weights).toEqual(net.weights);
    }
  },
);

test.each(SHAPES.filter(([, , , batch]) => batch > 1))(
  "%i-%j-%i in batches of %i: training goes where that of a reference in f64 goes",
  (inputs, hidden, outputs, batch) => {
    const mlp = jaggedMlp(inputs, hidden, outputs, batch);
    const net = netOf(mlp);
    const before = netOf(mlp);
    const rate = 0.001;
    const adams = [net.weights, net.biases].map((all) => all.map((layer) => layer.flat().map(() => new Adam(exact))));
    const x = jagged(batch * inputs, 0.3);
    const y = jagged(batch * outputs).map((v) => (v > 0.5 ? 1 : 0));
    for (let step = 0; step < (inputs === 64 ? 3 : 10); step++) {
      const { weights, biases } = gradients(net, rows(x, inputs), rows(y, outputs), exact);
      net.weights = net.weights.map((layer, l) =>
        layer.map((row, o) => row.map((w, i) => adams[0]![l]![o * row.length + i]!.step(w, weights[l]![o]![i]!, rate))),
      );
      net.biases = net.biases.map((layer, l) => layer.map((b, o) => adams[1]![l]![o]!.step(b, biases[l]![o]!, rate)));
      mlp.train(x, y, rate);
    }
    // Of the way that all weights went together, what f32 leaves out is less than a thousandth.
    const trained = netOf(mlp);
    const flat = ({ weights, biases }: Net) => [...weights.flat(2), ...biases.flat()];
    const [from, mine, theirs] = [before, trained, net].map(flat) as [number[], number[], number[]];
    const distance = (a: number[], b: number[]) => Math.sqrt(a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0));
    expect(distance(mine, theirs)).toBeLessThan(distance(from, theirs) / 1000);
    expect(distance(from, theirs)).toBeGreaterThan(rate);
  },
);

test("gradients are those of finite differences of the loss", () => {
  const mlp = jaggedMlp(5, [6, 4], 3, 4);
  const net = netOf(mlp);
  const x = rows(jagged(20, 0.2), 5);
  const y = rows(
    jagged(12).map((v) => Math.abs(v)),
    3,
  );
  const { weights, biases } = gradients(net, x, y);
  const slope = (row: number[], i: number) => {
    const [kept, h] = [row[i]!, 1e-5];
    row[i] = kept + h;
    const up = loss(net, x, y);
    row[i] = kept - h;
    const down = loss(net, x, y);
    row[i] = kept;
    return (up - down) / (2 * h);
  };
  let most = 0;
  const near = (gradient: number, row: number[], i: number) => {
    most = Math.max(most, Math.abs(gradient));
    expect(Math.abs(gradient - slope(row, i))).toBeLessThan(1e-6);
  };
  weights.forEach((layer, l) => {
    layer.forEach((row, o) => {
      row.forEach((gradient, i) => {
        near(gradient, net.weights[l]![o]!, i);
      });
      near(biases[l]![o]!, net.biases[l]!, o);
    });
  });
  expect(most).toBeGreaterThan(0.01); // so that the bound above says something
});

test("the sigmoid is within 2^-21 of its value, at both ends", () => {
  for (let x = -80; x <= 80; x += 0.0137) {
    const [p, truth] = [sigmoid(Math.fround(x)), 1 / (1 + Math.exp(-Math.fround(x)))];
    expect(Math.abs(p / truth - 1)).toBeLessThan(2 ** -21);
  }
  const one = new Mlp({ inputs: 1, hidden: [1, 1], outputs: 2, batch: 1 });
  const of = (bias: number) => {
    const tensors = one.tensors();
    tensors.get("layers.2.bias")!.values.set([bias, -bias]);
    one.load(tensors);
    return [...one.forward(new Float32Array(1))];
  };
  expect(of(1e30)).toEqual([1, sigmoid(-87)]);
  expect(of(0)).toEqual([0.5, 0.5]);
  expect(of(3.3)).toEqual([sigmoid(Math.fround(3.3)), sigmoid(Math.fround(-3.3))]);
});

test("it learns what no single layer can, and gets surer with every hundred steps", () => {
  const mlp = new Mlp({ inputs: 2, hidden: [16, 16], outputs: 1, batch: 4, seed: 3 });
  const x = Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1);
  const y = Float32Array.of(0, 1, 1, 0);
  const losses = [crossEntropy(mlp.forward(x), y)];
  for (let hundred = 0; hundred < 5; hundred++) {
    for (let i = 0; i < 100; i++) mlp.train(x, y, 0.01);
    losses.push(crossEntropy(mlp.forward(x), y));
  }
  for (let i = 1; i < losses.length; i++) expect(losses[i]).toBeLessThan(losses[i - 1]!);
  expect(losses.at(-1)).toBeLessThan(0.02);
});

test("the top is that of a stable sort, row by row", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), fc.integer({ min: 1, max: 3 }), (outputs, n, tokens) => {
      const count = 1 + (n % outputs);
      const mlp = new Mlp({ inputs: 4, hidden: [2, 3], outputs, batch: 3 });
      const tensors = mlp.tensors();
      // Few different values, so that there are equals.
      tensors.get("layers.2.bias")!.values.forEach((_, o, biases) => {
        biases[o] = ((o * 7919 + n) % 5) / 4;
      });
      mlp.load(tensors);
      const outputsOf = rows(mlp.forward(new Float32Array(4 * tokens)), outputs);
      const expected = outputsOf.flatMap((row) =>
        row
          .map((_, o) => o)
          .sort((a, b) => row[b]! - row[a]! || a - b)
          .slice(0, count),
      );
      expect([...mlp.top(count)]).toEqual(expected);
    }),
    { seed: 1, numRuns: shareOf(60) },
  );
});

test("equal seeds give equal weights, others others", () => {
  const of = (seed: number) => new Mlp({ inputs: 3, hidden: [4, 5], outputs: 6, seed }).tensors();
  expect(of(7)).toEqual(of(7));
  expect(of(7)).not.toEqual(of(8));
});

test("weights go out and come back, and a wrong one changes nothing", () => {
  const mlp = jaggedMlp(5, [6, 4], 3, 2);
  const x = jagged(10);
  const outputs = [...mlp.forward(x)];
  const again = Mlp.fromTensors(mlp.tensors(["a", "b", "c"]), { batch: 2, names: ["a", "b", "c"] });
  expect(again.sizes).toEqual([5, 6, 4, 3]);
  expect([...again.forward(x)]).toEqual(outputs);
  for (const [name, change, message] of [
    ["layers.1.weight", { shape: [6, 4] }, "tensor layers.1.weight must be of shape [4, 6], got [6, 4]"],
    ["layers.2.bias", { shape: [4] }, "tensor layers.2.bias must be of shape [3], got [4]"],
    [
      "layers.2.bias",
      { values: Float32Array.of(1, Number.NaN, 2) },
      "tensor layers.2.bias must be finite, got NaN at 1",
    ],
  ] as const) {
    const tensors = mlp.tensors();
    tensors.get("layers.0.bias")!.values.fill(9);
    tensors.set(name, { ...tensors.get(name)!, ...change });
    expect(() => mlp.load(tensors)).toThrow(new RangeError(message));
    expect([...mlp.forward(x)]).toEqual(outputs);
  }
  const missing = mlp.tensors();
  missing.delete("layers.1.bias");
  expect(() => mlp.load(missing)).toThrow("tensor layers.1.bias is missing; there are layers.0.weight, layers.0.bias");
});

test("names the bad argument", () => {
  const sizes = { inputs: 4, hidden: [4, 4], outputs: 4 } as const;
  for (const [options, message] of [
    [{ inputs: 0 }, "inputs must be from 1 to 65536, got 0"],
    [{ hidden: [4, 0.5] }, "hidden[1] must be from 1 to 65536, got 0.5"],
    [{ outputs: 1e9 }, "outputs must be from 1 to 65536, got 1000000000"],
    [{ batch: 0 }, "batch must be from 1 to 65536, got 0"],
  ] as const)
    expect(() => new Mlp({ ...sizes, ...(options as object) })).toThrow(new RangeError(message));
  const mlp = new Mlp(sizes);
  expect(() => mlp.forward(new Float32Array(5))).toThrow(
    new RangeError("inputs must hold 4 values for each of 1 to 8 tokens, got 5"),
  );
  expect(() => mlp.train(new Float32Array(4), new Float32Array(3))).toThrow("targets must hold 4 values, got 3");
  expect(() => mlp.train(new Float32Array(4), new Float32Array(4), -1)).toThrow("rate must be above 0, got -1");
  expect(() => mlp.train(Float32Array.of(0, 1, Number.NaN, 0), new Float32Array(4))).toThrow(
    "inputs[2] must be finite, got NaN",
  );
  for (const [wrong, message] of [
    [1.5, "targets[1] must be from 0 to 1, got 1.5"],
    [-0.5, "targets[1] must be from 0 to 1, got -0.5"],
    [Number.NaN, "targets[1] must be finite, got NaN"],
  ] as const)
    expect(() => mlp.train(new Float32Array(4), Float32Array.of(0, wrong, 1, 0))).toThrow(new RangeError(message));
  expect(() => new Mlp({ ...sizes, seeds: 3 } as never)).toThrow(
    new TypeError("options has no field seeds; did you mean seed?"),
  );
  expect(() => mlp.top(5)).toThrow("count must be from 1 to 4, got 5");
});
