import { type Doorbell, DoorbellCodec, RandomBits } from "../src/index.ts";
import * as reference from "../test/reference/doorbell.ts";
import { checksum } from "../test/reference/latency.ts";
import { type Contender, compare } from "./compare.ts";
import type { Row } from "./row.ts";
import { decodeColumns, decodeFromView, encodeColumns, encodeToView } from "./twins/doorbell.ts";

const room = "doorbell";
const batch = 1024;
const batches = 16;

/** Loads, and a cancel and a fence to every 30 of them, in an order that nobody can predict. */
function makeDoorbells(): Doorbell[] {
  const bits = new RandomBits({ seed: 7, batch: 10 * batch }).next().values();
  const draw = () => bits.next().value as number;
  return Array.from({ length: batch }, (_, sequence) => {
    const kind = draw();
    const op = (["cancel", "fence"] as const)[kind >>> 27] ?? "load";
    return {
      op,
      prefetch: (kind & 1) !== 0,
      dropLate: (kind & 2) !== 0,
      layer: draw() >>> 16,
      expert: draw(),
      sourceGpu: draw(),
      destinationGpu: draw(),
      destinationAddress: (BigInt(draw()) << 32n) | BigInt(draw()),
      sizeBytes: op === "load" ? 1 + 256 * draw() : 0,
      fenceId: draw(),
      sequence,
      deadlineNs: draw() / 7,
    };
  });
}

/** A codec whose columns and words hold `doorbells`. */
function codecOf(doorbells: readonly Doorbell[]): DoorbellCodec {
  const codec = new DoorbellCodec({ batch });
  codec.words.set(reference.encode(doorbells));
  codec.decodeWords(batch);
  return codec;
}

/** A run is `batches` times `once`; the checksum is that of the words of `written`, which were not there before it. */
function contender(name: string, once: () => unknown, written: readonly (Uint32Array | Float64Array)[]): Contender {
  return {
    name,
    run: () => {
      for (let i = 0; i < batches; i++) once();
    },
    checksum: () => {
      for (const array of written) array.fill(-1);
      once();
      return written.reduce(
        (hash, { buffer, byteOffset, byteLength }) =>
          checksum(new Float32Array(buffer, byteOffset, byteLength / 4), hash),
        0x811c9dc5,
      );
    },
  };
}

export default async function rows({ quick }: { quick: boolean }): Promise<Row[]> {
  const options = { room, unit: "ns/doorbell", work: batch * batches, quick };
  const doorbells = makeDoorbells();
  // Each has columns and words of its own, those of the twins outside of Wasm.
  const codecs = { encode: codecOf(doorbells), decode: codecOf(doorbells), objects: codecOf(doorbells) };
  const copied = () => {
    const { columns, words } = codecOf(doorbells);
    const copies = Object.entries(columns).map(([name, column]) => [name, column.slice()]);
    const bytes = words.slice();
    return {
      columns: Object.fromEntries(copies) as DoorbellCodec["columns"],
      words: bytes,
      f64s: new Float64Array(bytes.buffer),
      view: new DataView(bytes.buffer),
    };
  };
  const [typed, viewed] = [copied(), copied()];
  const encoded = compare(
    [
      contender("encode", () => codecs.encode.encodeColumns(batch), [codecs.encode.words]),
      contender("plain TypeScript", () => encodeColumns(typed.words, typed.f64s, typed.columns, batch), [typed.words]),
      contender("DataView", () => encodeToView(viewed.view, viewed.columns, batch), [viewed.words]),
    ],
    options,
  );
  const columnsOf = ({ columns }: { columns: DoorbellCodec["columns"] }) => Object.values(columns);
  const decoded = compare(
    [
      contender("decode", () => codecs.decode.decodeWords(batch), columnsOf(codecs.decode)),
      contender(
        "plain TypeScript",
        () => decodeColumns(typed.columns, typed.words, typed.f64s, batch),
        columnsOf(typed),
      ),
      contender("DataView", () => decodeFromView(viewed.columns, viewed.view, batch), columnsOf(viewed)),
    ],
    options,
  );

  return [
    encoded.row("encode", "plain TypeScript"),
    encoded.row("encode", "DataView"),
    decoded.row("decode", "plain TypeScript"),
    decoded.row("decode", "DataView"),
  ];
}
