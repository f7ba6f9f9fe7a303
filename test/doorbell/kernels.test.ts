import fc from "fast-check";
import { describe, expect, inject, test } from "vitest";
import {
  DOORBELL_BAD_DEADLINE,
  DOORBELL_BAD_FLAGS,
  DOORBELL_BAD_OP,
  DOORBELL_BAD_RESERVED,
  DOORBELL_BAD_SIZE,
  DOORBELL_F64_COLUMNS,
  DOORBELL_GOOD,
  DOORBELL_U32_COLUMNS,
  DOORBELL_WORDS,
} from "../../assembly/layout.ts";
import { workspace } from "../../src/wasm.ts";
import * as reference from "../reference/doorbell.ts";
import { shareOf } from "../share.ts";
import { doorbell, LOAD, sizeOfLoad, uint32 } from "./drawn.ts";

/** Bytes that are good but for a few, so that every rule is met and broken often. */
const nearlyGood = fc
  .tuple(
    fc.array(doorbell, { minLength: 1, maxLength: 12 }),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.oneof(fc.constantFrom(0, 1, 24, 30, 31, 46, 47, 48, 63), fc.nat({ max: 63 })),
        fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 0x20, 0x7f, 0x80, 0xf0, 0xff), fc.nat({ max: 255 })),
      ),
      { maxLength: 2 },
    ),
  )
  .map(([doorbells, spoils]) => {
    const words = reference.encode(doorbells);
    const bytes = new Uint8Array(words.buffer);
    for (const [i, at, value] of spoils) bytes[(i % doorbells.length) * 64 + at] = value;
    return words;
  });

const STATUS_OF_FIELD: Record<string, number> = {
  op: DOORBELL_BAD_OP,
  flags: DOORBELL_BAD_FLAGS,
  sizeBytes: DOORBELL_BAD_SIZE,
  deadlineNs: DOORBELL_BAD_DEADLINE,
  byte: DOORBELL_BAD_RESERVED,
};

const kernelSpace = (batch: number) =>
  workspace({
    words: ["U32", DOORBELL_WORDS * batch],
    status: ["U32", 1],
    u32Columns: ["U32", DOORBELL_U32_COLUMNS * batch],
    f64Columns: ["F64", DOORBELL_F64_COLUMNS * batch],
  });

describe("kernels", () => {
  test("decoding stops at the first descriptor that breaks a rule, and says which", () => {
    const { kernels, views, at } = kernelSpace(12);
    const met = new Set<string>();
    fc.assert(
      fc.property(nearlyGood, (words) => {
        const count = words.length / DOORBELL_WORDS;
        const fields = Array.from({ length: count }, (_, i) => reference.badField(words, i));
        const first = fields.findIndex((field) => field !== undefined);
        views.words.set(words);
        views.status.fill(99);
        views.u32Columns.fill(0xffffffff);
        const good = kernels.decodeDoorbells(at.u32Columns, at.f64Columns, at.status, at.words, count);
        expect(good).toBe(first === -1 ? count : first);
        expect(views.status[0]).toBe(first === -1 ? DOORBELL_GOOD : STATUS_OF_FIELD[fields[first]!]);
        // Those before it are in the columns, and nothing else is.
        expect(views.u32Columns.subarray(0, 12).indexOf(0xffffffff)).toBe(good === 12 ? -1 : good);
        met.add(fields[first] ?? "good");
      }),
      { seed: 2, numRuns: shareOf(2000) },
    );
    expect([...met].sort()).toEqual(["byte", "deadlineNs", "flags", "good", "op", "sizeBytes"]);
  });

  test("whatever the columns hold, what is encoded is decoded again, and nothing bad is encoded", () => {
    const { kernels, views, at } = kernelSpace(6);
    const [back, column] = [
      kernelSpace(6),
      (length: number) => fc.array(uint32, { minLength: length, maxLength: length }),
    ];
    const small = fc.array(fc.nat({ max: 4 }), { minLength: 12, maxLength: 12 });
    const amount = fc.oneof(
      fc.double(),
      fc.nat(),
      sizeOfLoad,
      fc.constantFrom(0, -0, 0.5, 2 ** 53 + 2, 2 ** 64, Number.NaN),
    );
    const amounts = fc.array(amount, { minLength: 12, maxLength: 12 });
    const met = new Set<number>();
    fc.assert(
      fc.property(small, column(48), amounts, fc.boolean(), (kinds, rest, amounts, isFence) => {
        views.u32Columns.set([...kinds, ...rest]);
        views.u32Columns.subarray(12, 18).forEach((layer, i) => {
          views.u32Columns[12 + i] = layer >>> (i % 5 === 4 ? 15 : 16);
        });
        views.f64Columns.set(amounts);
        if (isFence) {
          views.u32Columns.fill(3, 0, 6);
          views.f64Columns.fill(0, 0, 6);
        }
        views.words.fill(0xffffffff);
        const encoded = kernels.encodeDoorbells(at.words, at.status, at.u32Columns, at.f64Columns, 6);
        expect(views.words.subarray(encoded * DOORBELL_WORDS).every((word) => word === 0xffffffff)).toBe(true);
        back.views.words.set(views.words);
        const { u32Columns, f64Columns, status, words } = back.at;
        expect(back.kernels.decodeDoorbells(u32Columns, f64Columns, status, words, encoded)).toBe(encoded);
        for (let i = 0; i < encoded; i++) {
          for (let column = 0; column < DOORBELL_U32_COLUMNS; column++)
            expect(back.views.u32Columns[column * 6 + i]).toBe(views.u32Columns[column * 6 + i]);
          for (let column = 0; column < DOORBELL_F64_COLUMNS; column++)
            expect(back.views.f64Columns[column * 6 + i]! === views.f64Columns[column * 6 + i]!).toBe(true);
        }
        met.add(views.status[0]!);
        if (encoded === 6) return;
        // The one refused: by one rule or another it is bad.
        const [op, flags, layer] = [0, 6, 12].map((column) => views.u32Columns[column + encoded]!) as [
          number,
          number,
          number,
        ];
        const [sizeBytes, deadlineNs] = [views.f64Columns[encoded]!, views.f64Columns[6 + encoded]!];
        const isSize =
          op === 1 ? Number.isInteger(sizeBytes) && sizeBytes >= 1 && sizeBytes <= 2 ** 53 : sizeBytes === 0;
        const isDeadline = Number.isFinite(deadlineNs) && deadlineNs >= 0;
        const rules = [op >= 1 && op <= 3, flags <= 3, layer <= 65535, isSize, isDeadline];
        expect(views.status[0]).toBe(1 + rules.indexOf(false));
      }),
      { seed: 3, numRuns: shareOf(1000) },
    );
    expect([...met].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("a count beyond the columns means all of them, one below 0 means none", () => {
    const { kernels, views, at } = kernelSpace(5);
    views.words.set(reference.encode(Array.from({ length: 5 }, () => LOAD)));
    const decode = (count: number) => kernels.decodeDoorbells(at.u32Columns, at.f64Columns, at.status, at.words, count);
    const encode = (count: number) => kernels.encodeDoorbells(at.words, at.status, at.u32Columns, at.f64Columns, count);
    expect([decode(6), decode(2 ** 31 - 1), decode(0), decode(-1), decode(-(2 ** 31))]).toEqual([5, 5, 0, 0, 0]);
    expect([encode(6), encode(2 ** 31 - 1), encode(0), encode(-1), encode(-(2 ** 31))]).toEqual([5, 5, 0, 0, 0]);
  });

  test("arrays of other lengths are the caller's mistake", () => {
    if (inject("build") !== "debug") return; // the others do not look
    const { kernels, at } = workspace({
      words: ["U32", DOORBELL_WORDS * 4],
      status: ["U32", 1],
      u32Columns: ["U32", DOORBELL_U32_COLUMNS * 4],
      f64Columns: ["F64", DOORBELL_F64_COLUMNS * 4],
      fewerWords: ["U32", DOORBELL_WORDS * 3],
      fewerF64Columns: ["F64", DOORBELL_F64_COLUMNS * 3],
    });
    const { words, status, u32Columns, f64Columns, fewerWords, fewerF64Columns } = at;
    const ragged = "columns of u32 and of f64 are equally long";
    expect(() => kernels.encodeDoorbells(words, status, u32Columns, fewerF64Columns, 3)).toThrow(ragged);
    expect(() => kernels.decodeDoorbells(u32Columns, fewerF64Columns, status, words, 3)).toThrow(ragged);
    const short = "there is a descriptor a place in the columns";
    expect(() => kernels.encodeDoorbells(fewerWords, status, u32Columns, f64Columns, 3)).toThrow(short);
    expect(() => kernels.decodeDoorbells(u32Columns, f64Columns, status, fewerWords, 3)).toThrow(short);
  });
});
