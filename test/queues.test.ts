import fc from "fast-check";
import { expect, test } from "vitest";
import { Pacer, type PacerOptions } from "../src/pacing/index.ts";

// A pacer of one DPU whose loads are all one chunk is a priority queue: of the keys it is given as deadlines, the least comes
// out at each event, and of equal ones the first that was put in. Where its DPU binds, it is a tree of minima; where the
// gate of a source does, a pairing heap.

type Step = { push: number[] } | { pop: number } | { remove: number } | { change: number; key: number };

const CAPACITY = 1100; // three levels of 32
const key = fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 1000 })).map((key) => 1e6 + key);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ push: fc.array(key, { maxLength: 400 }) }),
  fc.record({ pop: fc.nat({ max: 300 }) }),
  fc.record({ remove: fc.nat() }),
  fc.record({ change: fc.nat(), key }),
);

const BINDING: [string, PacerOptions][] = [
  ["a DPU", { gpus: 1, paceBytesPerNs: 1 }],
  ["a gate", { gpus: 1, paceBytesPerNs: 1e9, sourceEgressBytesPerNs: 1 }],
];

test.each(BINDING)("%s: whatever is put in, taken out or changed, a sorted array says what is next", (_, options) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pacer = new Pacer({ ...options, chunkBytes: 1, queueDepth: CAPACITY, batch: CAPACITY });
      pacer.loads.sizeBytes.fill(1);
      let model: { key: number; sequence: number; slot: number }[] = [];
      let sequence = 0;
      const pop = (count: number) => {
        model.sort((a, b) => a.key - b.key || a.sequence - b.sequence);
        const least = model.slice(0, count);
        model = model.slice(count);
        const popped: number[] = [];
        while (popped.length < least.length) {
          const events = pacer.advance(pacer.nextEventNs);
          popped.push(...pacer.events.slot.slice(0, events));
          pacer.complete(events);
        }
        expect(popped).toEqual(least.map(({ slot }) => slot));
      };
      for (const step of steps) {
        if ("push" in step) {
          pacer.loads.deadlineNs.set(step.push);
          const count = pacer.submit(step.push.length);
          expect(count).toBe(Math.min(step.push.length, CAPACITY - model.length));
          for (let i = 0; i < count; i++)
            model.push({ key: step.push[i]!, sequence: sequence++, slot: pacer.loads.slot[i]! });
        } else if ("pop" in step) {
          pop(step.pop);
        } else if ("remove" in step) {
          const [removed] = model.splice(step.remove % Math.max(1, model.length), 1);
          if (removed) pacer.cancel(removed.slot);
        } else {
          const changed = model[step.change % Math.max(1, model.length)];
          if (!changed) continue;
          changed.key = step.key;
          pacer.reprioritise(changed.slot, step.key);
        }
      }
      pop(model.length);
      expect(pacer.nextEventNs).toBe(Number.POSITIVE_INFINITY);
    }),
    { seed: 1, numRuns: 100 },
  );
});
