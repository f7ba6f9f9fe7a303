import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readLoads } from "../src/formats/loads.ts";
import { readNpy } from "../src/formats/npy.ts";
import { readPlacementInput } from "../src/formats/placement.ts";
import { shareOf } from "./share.ts";
import { NUMPY } from "./vectors/numpy.ts";

const file = "loads.file";
const bytesOf = (text: string) => new TextEncoder().encode(text);
const ofBase64 = (text: string) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
const read = (text: string) => readLoads(bytesOf(text), { file });
const rows = ({ loads }: { loads: Float64Array[] }) => loads.map((row) => Array.from(row));

async function gzipped(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** An array as NumPy saves it, of f8, with a head of version `version`. */
function npy(shape: readonly number[], values: readonly number[], version: 1 | 2): Uint8Array<ArrayBuffer> {
  const head = `{'descr': '<f8', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }\n`;
  const start = (version === 1 ? 10 : 12) + head.length;
  const bytes = new Uint8Array(start + 8 * values.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, head.length, true);
  else view.setUint32(8, head.length, true);
  bytes.set(bytesOf(head), start - head.length);
  values.forEach((value, i) => {
    view.setFloat64(start + 8 * i, value, true);
  });
  return bytes;
}

const anyLoads = fc
  .record({ layers: fc.integer({ min: 1, max: 6 }), experts: fc.integer({ min: 2, max: 6 }) })
  .chain(({ layers, experts }) =>
    fc.array(
      fc.array(
        fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e9, noNaN: true })).map((load) => load + 0),
        {
          minLength: experts,
          maxLength: experts,
        },
      ),
      { minLength: layers, maxLength: layers },
    ),
  );

test("loads are read as they were written: JSON of each kind, CSV of each kind, NumPy, packed or not", async () => {
  await fc.assert(
    fc.asyncProperty(anyLoads, fc.constantFrom(1 as const, 2 as const), fc.nat(), async (loads, version, turn) => {
      const [layers, experts] = [loads.length, loads[0]!.length];
      const lines = loads.flatMap((row, layer) => row.map((load, expert) => `${expert},${load},${layer}`));
      const turned = [...lines.slice(turn % lines.length), ...lines.slice(0, turn % lines.length)];
      const written = [
        JSON.stringify(loads),
        JSON.stringify({ logical_count: loads }),
        JSON.stringify({ weight: [loads], num_gpus: 8 }),
        `${loads.map((row) => row.join(",")).join("\n")}\n`,
        `expert,load,layer\r\n${turned.join("\r\n")}`,
      ].map(bytesOf);
      written.push(npy([layers, experts], loads.flat(), version), npy([1, layers, experts], loads.flat(), version));
      const idle = loads.flatMap((row, layer) => (row.every((load) => load === 0) ? [layer] : []));
      for (const bytes of [...written, await gzipped(npy([layers, experts], loads.flat(), version))]) {
        const got = await readLoads(bytes as Uint8Array, { file });
        expect(rows(got)).toEqual(loads);
        expect([got.idleLayers, got.steps]).toEqual([idle, 1]);
      }
    }),
    { numRuns: shareOf(60) },
  );
});

test("what NumPy writes", async () => {
  const expected = [
    [0.5, 1.5, 2.5],
    [3.5, 4.5, 5.5],
  ];
  const got = await readLoads(ofBase64(NUMPY.f4), { file });
  expect(rows(got)).toEqual(expected);
  expect(got.source).toBe("NumPy's <f4, 2 layers of 3 experts");
  expect(rows(await readLoads(ofBase64(NUMPY.stored), { file }))).toEqual(expected);
  const steps = await readLoads(ofBase64(NUMPY.i8Steps), { file });
  expect(rows(steps)).toEqual([
    [6, 8, 10],
    [12, 14, 16],
  ]);
  expect(steps.source).toBe("NumPy's <i8, 2 layers of 3 experts, 2 steps summed");
  expect(rows(await readLoads(ofBase64(NUMPY.deflated), { file }))).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
  ]);
  expect(readNpy(ofBase64(NUMPY.scalars), { file })).toMatchObject({ shape: [3], dtype: "<f8" });
});

test("steps are summed, in JSON and in CSV", async () => {
  const json = await read("[[[1,2],[3,4]],[[10,20],[30,40]]]");
  const csv = await read(
    "step,layer,expert,load\n0,0,0,1\n0,0,1,2\n0,1,0,3\n0,1,1,4\n1,0,0,10\n1,0,1,20\n1,1,0,30\n1,1,1,40\n",
  );
  expect(rows(json)).toEqual([
    [11, 22],
    [33, 44],
  ]);
  expect(rows(csv)).toEqual(rows(json));
  expect([json.steps, csv.steps]).toEqual([2, 2]);
});

test("a layer that CSV does not name is idle, and keeps its number", async () => {
  const got = await read("layer,expert,load\n2,0,5\n2,1,6\n");
  expect(rows(got)).toEqual([
    [0, 0],
    [0, 0],
    [5, 6],
  ]);
  expect(got.idleLayers).toEqual([0, 1]);
});

describe("what is wrong is named", () => {
  test.each([
    ["", "loads.file: expected loads of experts, got an empty file"],
    ["[[1,2],[3]]", "loads.file: expected [1] to hold 2 experts, got 1"],
    ["[[1,2],[3,-4]]", "loads.file: expected [1][1] to be a number from 0 up, got -4"],
    ['{"logical_count":[[1,"2"]]}', 'loads.file: expected logical_count[0][1] to be a number from 0 up, got "2"'],
    ['{"logical_count":[[1,null]]}', "expected logical_count[0][1] to be a number from 0 up, got null"],
    ['{"logical_count":[[[1,2]],[[1,2],[3,4]]]}', "expected logical_count[1] to hold 1 layers, got 2"],
    ['{"logical_counts":[[1]]}', "got logical_counts; did you mean logical_count?"],
    [
      '{"weight":[[1]],"logical_count":[[1]]}',
      "expected one of logical_count, weight, loads, load, got logical_count and weight",
    ],
    ['{"weight":[[1]],"num_gpu":3}', "expected fields of loads, got num_gpu; did you mean num_gpus?"],
    ['{"weight":[]}', "expected at least 1 layer of at least 1 expert, got none"],
    ["[[1,2],\n[3,NaN]]", "loads.file:2: expected JSON, got"],
    ["1,2\n3,nan", "loads.file:2: expected loads to be numbers from 0 up, got "],
    ["1,2\n3,-4", "loads.file:2: expected loads to be numbers from 0 up, got -4"],
    ["1,2\n3", "loads.file:2: expected 2 columns, got 1 column"],
    ["layer,expert\n0,0", "loads.file:1: expected the columns layer, expert and load, got no load"],
    [
      "layer,expert,loda\n0,0,1",
      "loads.file:1: expected the columns layer, expert and load, got loda; did you mean load?",
    ],
    ["layer,expert,load,load\n0,0,1,1", "loads.file:1: expected each column once, got load twice"],
    ["layer,expert,load\n0,0,1\n0,2,1", "expected a load of every expert of layer 0, got none of expert 1"],
    [
      "layer,expert,load\n0,0,1\n\n0,0,1",
      "loads.file:4: expected each expert of a layer once, got expert 0 of layer 0 again, as in line 2",
    ],
    ["layer,expert,load\n0,1.5,1", "loads.file:2: expected expert to be a whole number from 0 to 65535, got 1.5"],
    ["layer,expert,load\n", "expected at least 1 layer of at least 1 expert, got none"],
  ])("%j", async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  test.each([
    ["fortran", "expected rows one behind the other, got columns: save numpy.ascontiguousarray(array)"],
    ["bigEndian", 'expected little-endian values, got >f4: save array.astype("<f4")'],
    ["scalars", "expected layers x experts, or steps x layers x experts, got 3"],
    ["bool", "expected values of a type among f4, f8, i1, i2, i4, i8, u1, u2, u4, u8, got |b1"],
    ["negative", "expected [0][0] to be a number from 0 up, got -0.5"],
    ["several", "expected one array, or one that is called logical_count or weight or loads or load, got a, b"],
  ] as const)("NumPy's %s", async (name, message) => {
    await expect(readLoads(ofBase64(NUMPY[name]), { file })).rejects.toThrow(message);
  });

  test("bytes that are cut short or changed", async () => {
    const [plain, stored, deflated] = [ofBase64(NUMPY.f4), ofBase64(NUMPY.stored), ofBase64(NUMPY.deflated)];
    await expect(readLoads(plain.slice(0, -1), { file })).rejects.toThrow(
      "expected 24 bytes of values for 2 x 3, got 23",
    );
    await expect(readLoads(plain.slice(0, 60), { file })).rejects.toThrow(
      "expected a head of 118 bytes, as the file says, got 50",
    );
    await expect(readLoads(stored.slice(0, -30), { file })).rejects.toThrow("one without a directory: it is cut short");
    for (const archive of [stored, deflated]) {
      const changed = archive.slice();
      changed[90]! ^= 1; // in the first file
      await expect(readLoads(changed, { file })).rejects.toThrow(
        "expected a whole gzip stream, got one that does not inflate",
      );
    }
    await expect(readLoads((await gzipped(plain)).slice(0, -9), { file })).rejects.toThrow("does not inflate");
  });

  test("no bytes make it fail in another way than by an error that names the file", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(NUMPY.f4, NUMPY.i8Steps, NUMPY.stored, NUMPY.deflated),
        fc.array(fc.record({ at: fc.nat(), value: fc.nat({ max: 255 }) }), { minLength: 1, maxLength: 4 }),
        async (base64, changes) => {
          const bytes = ofBase64(base64);
          for (const { at, value } of changes) bytes[at % bytes.length] = value;
          try {
            await readLoads(bytes, { file });
          } catch (error) {
            expect((error as Error).message).toMatch(/^loads\.file:/);
          }
        },
      ),
      { numRuns: shareOf(300) },
    );
  });
});

test("loads and problems are told apart by what is in them", async () => {
  const cluster = { gpus: 2, slotsPerGpu: 1 };
  const problem = await readPlacementInput(
    await gzipped(bytesOf(JSON.stringify({ cluster, demand: [[1, 2], { groups: [1], demand: [3] }] }))),
    { file },
  );
  expect(problem.problem).toMatchObject({ objective: "latency", cluster });
  expect((await readPlacementInput(bytesOf("[[1,2]]"), { file })).loads?.source).toBe("JSON, 1 layer of 2 experts");
});
