import fc from "fast-check";
import { expect, test } from "vitest";
import { formatTrace, type TraceSpan } from "../src/formats/trace.ts";

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  s?: string;
  args: Record<string, unknown>;
}

const textOf = (spans: Iterable<TraceSpan>) => [...formatTrace(spans)].join("");
const eventsOf = (text: string) => JSON.parse(text).traceEvents as TraceEvent[];
const one = (startNs: number, endNs: number) => ({ process: "p", track: "t", name: "n", startNs, endNs });

/** A decimal spelling as a whole number of 10^-400. */
function exact(spelled: string): bigint {
  const [, whole, fraction = "", exponent = "0"] = /^(\d+)\.?(\d*)(?:e([+-]?\d+))?$/.exec(spelled)!;
  return BigInt(`${whole}${fraction}`) * 10n ** BigInt(400 - fraction.length + Number(exponent));
}

/** What a text spells after a key, in order, as it stands. */
const spelled = (text: string, key: string) =>
  Array.from(text.matchAll(new RegExp(`"${key}":([0-9.e+-]+)`, "g")), ([, value]) => value!);

const anySpan = fc
  .record({
    process: fc.constantFrom("fabric", 'a "name"\\\n\u2028', "__proto__", "\ud800"),
    track: fc.oneof(fc.constantFrom("DPU 0", "GPU 7", "constructor"), fc.string({ unit: "binary", maxLength: 3 })),
    name: fc.string({ unit: "binary" }),
    startNs: fc.nat({ max: 2 ** 40 }),
    lengthNs: fc.nat({ max: 1000 }),
    args: fc.dictionary(
      fc.string({ maxLength: 3 }),
      fc.oneof(
        fc.string(),
        fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
      ),
    ),
  })
  .map(({ lengthNs, ...rest }) => ({ ...rest, endNs: rest.startNs + lengthNs }));

test("a small trace is this text", () => {
  const spans: TraceSpan[] = [
    { process: "GPU 0", track: "loads", name: "load 7", startNs: 1500, endNs: 4000.25, args: { bytes: 2, to: '"a"' } },
    { process: "GPU 1", track: "loads", name: "late", startNs: 20, endNs: 20 },
    { process: "GPU 0", track: "reads", name: "read", startNs: 0, endNs: 1_000_000 },
  ];
  expect(textOf(spans)).toBe(`{"displayTimeUnit":"ns","traceEvents":[
{"name":"process_name","ph":"M","pid":1,"tid":0,"args":{"name":"GPU 0"}},
{"name":"thread_name","ph":"M","pid":1,"tid":1,"args":{"name":"loads"}},
{"name":"thread_sort_index","ph":"M","pid":1,"tid":1,"args":{"sort_index":1}},
{"name":"load 7","ph":"X","dur":2.50025,"ts":1.5,"pid":1,"tid":1,"args":{"bytes":2,"to":"\\"a\\""}},
{"name":"process_name","ph":"M","pid":2,"tid":0,"args":{"name":"GPU 1"}},
{"name":"thread_name","ph":"M","pid":2,"tid":2,"args":{"name":"loads"}},
{"name":"thread_sort_index","ph":"M","pid":2,"tid":2,"args":{"sort_index":2}},
{"name":"late","ph":"i","s":"t","ts":0.02,"pid":2,"tid":2,"args":{}},
{"name":"thread_name","ph":"M","pid":1,"tid":3,"args":{"name":"reads"}},
{"name":"thread_sort_index","ph":"M","pid":1,"tid":3,"args":{"sort_index":3}},
{"name":"read","ph":"X","dur":1000,"ts":0,"pid":1,"tid":3,"args":{}}
]}
`);
});

test("of no spans it is an empty trace", () => {
  expect(JSON.parse(textOf([]))).toEqual({ displayTimeUnit: "ns", traceEvents: [] });
});

test("every span comes back, in order and on its own track", () => {
  fc.assert(
    fc.property(fc.array(anySpan, { maxLength: 30 }), (spans) => {
      const processes = new Map<number, unknown>();
      const tracks = new Map<string, unknown>();
      const found: TraceSpan[] = [];
      for (const { name, ph, pid, tid, ts, dur = 0, args } of eventsOf(textOf(spans))) {
        if (name === "process_name" && ph === "M") {
          expect(processes.has(pid)).toBe(false);
          processes.set(pid, args["name"]);
        } else if (name === "thread_name" && ph === "M") {
          expect(processes.has(pid) && !tracks.has(`${pid}/${tid}`)).toBe(true);
          tracks.set(`${pid}/${tid}`, args["name"]);
        } else if (ph !== "M") {
          expect(ph).toBe(dur > 0 ? "X" : "i");
          const startNs = Math.round(ts * 1000);
          const [process, track] = [processes.get(pid) as string, tracks.get(`${pid}/${tid}`) as string];
          found.push({ process, track, name, startNs, endNs: startNs + Math.round(dur * 1000), args: args as never });
        } else expect(name).toBe("thread_sort_index");
      }
      expect(found).toEqual(spans);
      expect(new Set(processes.values()).size).toBe(processes.size);
      const named = Array.from(tracks, ([key, track]) =>
        JSON.stringify([processes.get(Number.parseInt(key, 10)), track]),
      );
      expect(new Set(named).size).toBe(tracks.size);
    }),
  );
});

test("instants and lengths are exact: thousandths of the decimals that the numbers are written with", () => {
  const decimal = fc
    .tuple(fc.nat({ max: 1e9 }), fc.nat({ max: 999 }), fc.nat({ max: 1e6 }), fc.nat({ max: 999 }))
    .map(([ns, ps, moreNs, morePs]) => [Number(`${ns}.${ps}`), Number(`${ns + 1 + moreNs}.${morePs}`)] as const);
  fc.assert(
    fc.property(decimal, ([startNs, endNs]) => {
      const text = textOf([one(startNs, endNs)]);
      const [ts, dur] = [exact(spelled(text, "ts")[0]!), exact(spelled(text, "dur")[0]!)];
      expect(1000n * ts).toBe(exact(`${startNs}`));
      expect(1000n * (ts + dur)).toBe(exact(`${endNs}`));
    }),
  );
});

test("any two instants are written as numbers of JSON, to the last bit of the first", () => {
  const instant = fc.double({ min: 0, noNaN: true, max: 1e300 });
  fc.assert(
    fc.property(instant, instant, (a, b) => {
      const [startNs, endNs] = a < b ? [a, b] : [b, a];
      const text = textOf([one(startNs, endNs)]);
      const { ts, dur = 0 } = eventsOf(text).at(-1)!;
      expect(1000n * exact(spelled(text, "ts")[0]!)).toBe(exact(`${startNs}`));
      expect(ts).toBeGreaterThanOrEqual(0);
      const lengthUs = endNs / 1000 - startNs / 1000;
      expect(Math.abs(dur - lengthUs)).toBeLessThanOrEqual(4 * Number.EPSILON * (endNs / 1000));
    }),
  );
});

test("spans that nest still do, and those that lie apart still do", () => {
  const decimals = fc.uniqueArray(fc.nat({ max: 1e7 }), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(decimals, (tenths) => {
      const [a, b, c, d] = tenths.sort((x, y) => x - y).map((tenth) => tenth / 10);
      for (const [first, second] of [
        [one(a!, d!), one(b!, c!)],
        [one(a!, b!), one(b!, c!)],
        [one(a!, c!), one(b!, c!)],
      ] as const) {
        const text = textOf([first, second]);
        const [starts, lengths] = [spelled(text, "ts").map(exact), spelled(text, "dur").map(exact)];
        const ends = starts.map((start, i) => start + lengths[i]!);
        expect(ends[0]! <= starts[1]! || (starts[0]! <= starts[1]! && ends[1]! <= ends[0]!)).toBe(true);
      }
    }),
  );
});

test("pieces come as spans do: none is held back, and an endless source can be written", () => {
  function* endless() {
    for (let ns = 0; ; ns++) yield one(ns, ns + 1);
  }
  const pieces = formatTrace(endless());
  const first = Array.from({ length: 1000 }, () => pieces.next().value);
  // 1,000 spans, and before the first the names of its process and track, and where that stands.
  expect(JSON.parse(`${first.join("")}]}`).traceEvents).toHaveLength(1003);
});

test.each<[object, Error]>([
  [{ startNs: -1 }, new RangeError("span 1: startNs must be at least 0, got -1")],
  [{ endNs: 9 }, new RangeError("span 1: endNs must be at least 10, got 9")],
  [{ endNs: Number.POSITIVE_INFINITY }, new RangeError("span 1: endNs must be finite, got Infinity")],
  [{ startNs: Number.NaN }, new RangeError("span 1: startNs must be finite, got NaN")],
  [{ args: { bytes: Number.NaN } }, new RangeError("span 1: args.bytes must be finite, got NaN")],
  [{ args: { late: true } }, new TypeError("span 1: args.late must be a number, got boolean")],
  [{ track: undefined }, new TypeError("span 1: track must be text, got undefined")],
  [{ name: 7 }, new TypeError("span 1: name must be text, got number")],
])("%o is refused", (wrong, error) => {
  expect(() => textOf([one(0, 1), { ...one(10, 20), ...wrong } as TraceSpan])).toThrow(error);
});
