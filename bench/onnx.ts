import type { Mlp } from "../src/index.ts";

// An ONNX model by hand: protobuf is fields of a number and a wire type, 0 for whole numbers and 2 for what has a length. Numbers of
// fields are those of onnx.proto3 (github.com/onnx/onnx).

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

const whole = (field: number, value: number) => [...varint(field << 3), ...varint(value)];
const bytes = (field: number, value: ArrayLike<number>) => [
  ...varint((field << 3) | 2),
  ...varint(value.length),
  ...Array.from(value),
];
const text = (field: number, value: string) => bytes(field, new TextEncoder().encode(value));

const FLOAT = 1;

function tensor(name: string, shape: readonly number[], values: Float32Array): number[] {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return [...shape.flatMap((size) => whole(1, size)), ...whole(2, FLOAT), ...text(8, name), ...bytes(9, raw)];
}

function valueInfo(name: string, shape: readonly number[]): number[] {
  const sizes = shape.flatMap((size) => bytes(1, whole(1, size)));
  return [...text(1, name), ...bytes(2, bytes(1, [...whole(1, FLOAT), ...bytes(2, sizes)]))];
}

function node(op: string, inputs: readonly string[], output: string): number[] {
  return [...inputs.flatMap((name) => text(1, name)), ...text(2, output), ...text(4, op)];
}

/** The network of `mlp` for batches of `batch` tokens: Gemm, Relu, Gemm, Relu, Gemm, Sigmoid. */
export function onnxOf(mlp: Mlp, batch: number): Uint8Array {
  const tensors = mlp.tensors();
  const graph: number[][] = [];
  const initializers: number[][] = [];
  let from = "x";
  for (let layer = 0; layer < 3; layer++) {
    const weights = tensors.get(`layers.${layer}.weight`)!;
    const biases = tensors.get(`layers.${layer}.bias`)!;
    const [width, height] = weights.shape as [number, number];
    // [inputs, outputs], as Gemm takes them without turning them round.
    const turned = Float32Array.from(
      weights.values,
      (_, at) => weights.values[(at % width) * height + Math.floor(at / width)]!,
    );
    initializers.push(tensor(`w${layer}`, [height, width], turned), tensor(`b${layer}`, [width], biases.values));
    graph.push(node("Gemm", [from, `w${layer}`, `b${layer}`], `s${layer}`));
    from = layer < 2 ? `h${layer}` : "y";
    graph.push(node(layer < 2 ? "Relu" : "Sigmoid", [`s${layer}`], from));
  }
  const body = [
    ...graph.flatMap((one) => bytes(1, one)),
    ...text(2, "mlp"),
    ...initializers.flatMap((one) => bytes(5, one)),
    ...bytes(11, valueInfo("x", [batch, mlp.sizes[0]])),
    ...bytes(12, valueInfo("y", [batch, mlp.sizes[3]])),
  ];
  return Uint8Array.from([...whole(1, 8), ...bytes(7, body), ...bytes(8, whole(2, 13))]);
}
