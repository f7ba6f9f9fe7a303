import { expect, test } from "vitest";
import { openRoutes, readRoutes } from "../../src/formats/routes.ts";
import { checkRoutes, type Routes } from "../../src/routes/routes.ts";
import { bytesOf, gzip, TRACE } from "./trace.ts";

const NO = 0xffff;
const EXPECTED: Routes = {
  layers: 2,
  experts: 4,
  k: 2,
  tokens: 4,
  prompt: Uint32Array.of(0, 0, 0, 0),
  phase: Uint8Array.of(0, 0, 1, 1),
  chosen: Uint16Array.of(3, 1, NO, NO, 0, 3, 2, NO, 1, 2, 2, 3, 0, 1, 3, 0),
  weights: Float32Array.of(0.75, 0.25, 0, 0, 0.5, 0.5, 1, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5),
  expertBytes: Float64Array.of(100, 120),
};

test("route_trace v1, packed or not, with any ends of lines", async () => {
  for (const bytes of [
    bytesOf(TRACE),
    bytesOf(TRACE.replaceAll("\n", "\r\n")),
    bytesOf(TRACE.trimEnd()),
    await gzip(TRACE),
  ])
    expect(await readRoutes(bytes)).toEqual(EXPECTED);
  checkRoutes(EXPECTED);
});

test("a stream gives the same rows however its bytes are cut", async () => {
  for (const bytes of [bytesOf(TRACE), await gzip(TRACE)]) {
    for (const size of [1, 3, 50]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.slice(i * size, (i + 1) * size),
      );
      const stream = await openRoutes(chunks, { file: "x" });
      expect([stream.layers, stream.experts, stream.k, stream.expertBytes]).toEqual([
        2,
        4,
        2,
        Float64Array.of(100, 120),
      ]);
      const rows = [];
      for await (const row of stream.rows) rows.push(row);
      expect(rows).toHaveLength(7);
      expect(rows[2]).toEqual({ line: 10, prompt: 0, phase: 0, step: 1, layer: 1, experts: [2], weights: [1] });
    }
  }
});

test("rows as CSV and as JSON, token by token or a prefill layer by layer", async () => {
  const bare = { ...EXPECTED };
  delete bare.weights;
  delete bare.expertBytes;
  const rows = [
    "prefill,0,0,3 1",
    "prefill,1,0,0|3",
    "prefill,1,1,2",
    'decode,2,0,"[1, 2]"',
    'decode,2,1,"2,3"',
    "decode,3,0,0;1",
    "decode,3,1,3 0",
  ];
  const csv = (lines: string[]) => bytesOf(["phase,step,layer,experts", ...lines].join("\n"));
  expect(await readRoutes(csv(rows))).toEqual(bare);
  const options = { layers: 2, experts: 9, k: 3, expertBytes: [100, 120] };
  const wider = await readRoutes(csv(rows), options);
  expect([wider.experts, wider.k, wider.chosen.length]).toEqual([9, 3, 24]);
  expect([...wider.chosen.subarray(0, 6)]).toEqual([3, 1, NO, NO, NO, NO]);

  const json = [
    '{"phase":"prefill","step":0,"layer":0,"experts":[3,1],"weights":[0.75,0.25]}',
    '{"phase":0,"step":1,"layer":0,"experts":[0,3],"weights":[0.5,0.5]}',
    '{"phase":0,"step":1,"layer":1,"experts":[2],"weights":[1]}',
    '{"step":2,"layer":0,"experts":[1,2],"weights":[0.5,0.5]}',
    '{"step":2,"layer":1,"experts":[2,3],"weights":[0.5,0.5]}',
    '{"phase":"decode","prompt":0,"token":3,"layer":0,"experts":[0,1],"weights":[0.5,0.5]}',
    '{"step":3,"layer":1,"experts":[3,0],"weights":[0.5,0.5]}',
  ].join("\n");
  expect(await readRoutes(bytesOf(json), { expertBytes: [100, 120] })).toEqual(EXPECTED);
});

test("a prefill in chunks, layer by layer", async () => {
  const rows = ["0,0,0,1", "0,1,0,2", "0,0,1,3", "0,1,1,4", "0,2,0,5", "0,2,1,6", "1,3,0,7", "1,3,1,8"];
  const routes = await readRoutes(bytesOf(["phase,step,layer,experts", ...rows].join("\n")));
  expect([...routes.chosen]).toEqual([1, 3, 2, 4, 5, 6, 7, 8]);
  expect([...routes.phase]).toEqual([0, 0, 0, 1]);
});

/** An array as NumPy saves it. */
function npy(descr: string, shape: string, values: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117).concat("\n");
  const bytes = new Uint8Array(10 + head.length + values.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, head.length & 255, head.length >> 8]);
  bytes.set(bytesOf(head), 10);
  bytes.set(values, 10 + head.length);
  return bytes;
}

/** What NumPy 2.4.6 writes: savez_compressed of topk_ids, int64, and topk_weights, float32, both 2 x 2 x 2. */
const NPZ =
  "UEsDBC0AAAAIAAAAIQDYRpIR//////////8MABQAdG9wa19pZHMubnB5AQAQAMAAAAAAAAAAVwAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOgogpKmjUKtAHuBiZoAARijNBKX/QwGUy4BLHQBQSwMELQAAAAgAAAAhAKDY1Jf//////////xAAFAB0b3BrX3dlaWdodHMubnB5AQAQAKAAAAAAAAAATAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOgogpKmjUKtAHuBiYGiwx4cBUEsBAi0DLQAAAAgAAAAhANhGkhFXAAAAwAAAAAwAAAAAAAAAAAAAAIABAAAAAHRvcGtfaWRzLm5weVBLAQItAy0AAAAIAAAAIQCg2NSXTAAAAKAAAAAQAAAAAAAAAAAAAACAAZUAAAB0b3BrX3dlaWdodHMubnB5UEsFBgAAAAACAAIAeAAAACMBAAAAAA==";

test("an array out of an archive that NumPy wrote", async () => {
  const { chosen, layers, k, tokens } = await readRoutes(Uint8Array.from(atob(NPZ), (c) => c.charCodeAt(0)));
  expect([...chosen]).toEqual([3, 1, 2, NO, 0, 3, 1, 2]);
  expect([tokens, layers, k]).toEqual([2, 2, 2]);
});

/** Likewise: int16 ids of 2 x 2 x 2 with weights of eighths, as float32 beside a third array, as float64 by other names, of 2 x 2 x 1, with NaN. */
const NPZ_WEIGHTED =
  "UEsDBC0AAAAIAAAAIQC43/4N//////////8MABQAdG9wa19pZHMubnB5AQAQAJAAAAAAAAAAUwAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mkrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOgogpKmjUKtAHuBiZmBkYGL4/5+BAcICAFBLAwQtAAAACAAAACEAcoNgKP//////////EAAUAHRvcGtfd2VpZ2h0cy5ucHkBABAAoAAAAAAAAABdAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CiCkqaNQq0Ae4GJgcLBnYGiwA2IgzQDECkB8AMhPAPHtAFBLAwQtAAAACAAAACEA90AS6v//////////DAAUAHNlcV9sZW5zLm5weQEAEACYAAAAAAAAAEwAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaxjqaOgq1ChQALgYoYITSTFAaAFBLAQItAy0AAAAIAAAAIQC43/4NUwAAAJAAAAAMAAAAAAAAAAAAAACAAQAAAAB0b3BrX2lkcy5ucHlQSwECLQMtAAAACAAAACEAcoNgKF0AAACgAAAAEAAAAAAAAAAAAAAAgAGRAAAAdG9wa193ZWlnaHRzLm5weVBLAQItAy0AAAAIAAAAIQD3QBLqTAAAAJgAAAAMAAAAAAAAAAAAAACAATABAABzZXFfbGVucy5ucHlQSwUGAAAAAAMAAwCyAAAAugEAAAAA";
const NPZ_OTHER_NAMES =
  "UEsDBC0AAAAIAAAAIQC43/4N//////////8KABQAY2hvc2VuLm5weQEAEACQAAAAAAAAAFMAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNppK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjoKIKSpo1CrQB7gYmZgZGBi+P+fgQHCAgBQSwMELQAAAAgAAAAhAALPWnT//////////wsAFAB3ZWlnaHRzLm5weQEAEADAAAAAAAAAAGAAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNmoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjoKIKSpo1CrQB7gYgCDF/YQ+gKU/gClH0DpJ1D6BpR+A6UP2AMAUEsBAi0DLQAAAAgAAAAhALjf/g1TAAAAkAAAAAoAAAAAAAAAAAAAAIABAAAAAGNob3Nlbi5ucHlQSwECLQMtAAAACAAAACEAAs9adGAAAADAAAAACwAAAAAAAAAAAAAAgAGPAAAAd2VpZ2h0cy5ucHlQSwUGAAAAAAIAAgBxAAAALAEAAAAA";
const NPZ_NARROW =
  "UEsDBC0AAAAIAAAAIQC43/4N//////////8MABQAdG9wa19pZHMubnB5AQAQAJAAAAAAAAAAUwAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mkrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOgogpKmjUKtAHuBiZmBkYGL4/5+BAcICAFBLAwQtAAAACAAAACEANQlxw///////////EAAUAHRvcGtfd2VpZ2h0cy5ucHkBABAAkAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CkBkqKmjUKtAHuBiYHCwZ2BoAGIFIE6wBwBQSwECLQMtAAAACAAAACEAuN/+DVMAAACQAAAADAAAAAAAAAAAAAAAgAEAAAAAdG9wa19pZHMubnB5UEsBAi0DLQAAAAgAAAAhADUJccNVAAAAkAAAABAAAAAAAAAAAAAAAIABkQAAAHRvcGtfd2VpZ2h0cy5ucHlQSwUGAAAAAAIAAgB4AAAAKAEAAAAA";
const NPZ_NAN =
  "UEsDBC0AAAAIAAAAIQC43/4N//////////8MABQAdG9wa19pZHMubnB5AQAQAJAAAAAAAAAAUwAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mkrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOgogpKmjUKtAHuBiZmBkYGL4/5+BAcICAFBLAwQtAAAACAAAACEANpSJ4f//////////EAAUAHRvcGtfd2VpZ2h0cy5ucHkBABAAoAAAAAAAAABfAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CiCkqaNQq0Ae4GJgcLBnYGiwA2IgzQDECkB8oJ6BIQHEtwMAUEsBAi0DLQAAAAgAAAAhALjf/g1TAAAAkAAAAAwAAAAAAAAAAAAAAIABAAAAAHRvcGtfaWRzLm5weVBLAQItAy0AAAAIAAAAIQA2lInhXwAAAKAAAAAQAAAAAAAAAAAAAACAAZEAAAB0b3BrX3dlaWdodHMubnB5UEsFBgAAAAACAAIAeAAAADIBAAAAAA==";

test("weights beside the ids in an archive that NumPy wrote", async () => {
  const read = (base64: string) =>
    readRoutes(
      Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)),
      { file: "a.npz" },
    );
  for (const archive of [NPZ_WEIGHTED, NPZ_OTHER_NAMES]) {
    const { chosen, weights } = await read(archive);
    expect([...chosen]).toEqual([3, 1, 2, NO, 0, 3, 1, 2]);
    // Where there is no expert, its weight is none either, whatever the file says.
    expect(weights).toEqual(Float32Array.of(0.75, 0.25, 1, 0, 0.625, 0.375, 0.875, 0.125));
  }
  await expect(read(NPZ_NARROW)).rejects.toThrow("a.npz: weights: expected 2 x 2 x 2, as the ids are, got 2 x 2 x 1");
  await expect(read(NPZ_NAN)).rejects.toThrow("a.npz: weights: expected weights to be numbers, got NaN in [1][0][1]");
});

test("arrays of steps x layers x k", async () => {
  const values = Int32Array.of(3, 1, 2, -1, 0, 3, 1, 2);
  const bytes = npy("<i4", "2, 2, 2", new Uint8Array(values.buffer));
  expect(await readRoutes(bytes)).toEqual({
    layers: 2,
    experts: 4,
    k: 2,
    tokens: 2,
    prompt: Uint32Array.of(0, 0),
    phase: Uint8Array.of(1, 1),
    chosen: Uint16Array.of(3, 1, 2, NO, 0, 3, 1, 2),
  });
  expect((await readRoutes(bytes, { experts: 8, expertBytes: [5, 6] })).expertBytes).toEqual(Float64Array.of(5, 6));
  for (const [array, message] of [
    [[3, 1, 2, 9], "a.npy: expected [1][0][1] to be a whole number from 0 to 3, or below 0 for none, got 9"],
    [[3, 1, 2, 2], "a.npy: expected distinct experts: [1][0][1], got 2 again"],
    [[3, 1, -1, 2], "a.npy: expected none after none: [1][0][1], got 2"],
  ] as const)
    await expect(
      readRoutes(npy("<i4", "2, 1, 2", new Uint8Array(Int32Array.from(array).buffer)), { file: "a.npy", experts: 4 }),
    ).rejects.toThrow(new RangeError(message));
  await expect(readRoutes(npy("<i4", "4, 2", new Uint8Array(values.buffer)), { file: "a.npy" })).rejects.toThrow(
    "a.npy: expected steps x layers x k, at least 1 of each, got 4 x 2",
  );
});

test("arrays packed by gzip are those that are not", async () => {
  const values = Int32Array.of(3, 1, 2, -1, 0, 3, 1, 2);
  const bytes = npy("<i4", "2, 2, 2", new Uint8Array(values.buffer));
  expect(await readRoutes(await gzip(bytes))).toEqual(await readRoutes(bytes));
  const archive = Uint8Array.from(atob(NPZ), (c) => c.charCodeAt(0));
  expect(await readRoutes(await gzip(archive))).toEqual(await readRoutes(archive));
  const broken = (await gzip(bytes)).subarray(0, 60);
  await expect(readRoutes(broken, { file: "a.npy.gz" })).rejects.toThrow("a.npy.gz");
});

test("a layer has as many experts as a token chooses, at least", async () => {
  const values = Int32Array.of(1, 0, -1, 1, -1, -1);
  const narrow = npy("<i4", "2, 1, 3", new Uint8Array(values.buffer));
  const padded = await readRoutes(narrow);
  expect([padded.experts, padded.k]).toEqual([3, 3]);
  checkRoutes(padded);
  await expect(readRoutes(narrow, { file: "a.npy", experts: 2 })).rejects.toThrow(
    new RangeError("a.npy: expected at most 2 experts of a token, as a layer has no more, got 3"),
  );
  const text = bytesOf("# n_expert=4 n_expert_used=8\nstep,layer,experts\n0,0,1 2\n");
  await expect(readRoutes(text, { file: "k.csv" })).rejects.toThrow(
    new RangeError("k.csv: expected at most 4 experts of a token, as a layer has no more, got 8"),
  );
  expect((await readRoutes(bytesOf("step,layer,experts\n0,0,1 2\n"), { k: 5 })).experts).toBe(5);
});
