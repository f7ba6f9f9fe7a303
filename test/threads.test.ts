import { expect, test } from "vitest";
import { ThreadTransport } from "../src/threads.ts";

test("rings doorbells between two threads", async () => {
  const transport = await ThreadTransport.open({ capacity: 4 });
  const latencyNs = new Float32Array(4100).fill(-1);
  await transport.ring(latencyNs);
  // A coarsened clock may see no time pass.
  const leastNs = transport.clock.stepNs < 1000 ? 1 : 0;
  expect(latencyNs.filter((ns) => !(ns >= leastNs))).toEqual(new Float32Array());
  expect(transport.method).toMatch(/Half of the round trip/);
  await transport.close();
});

test("names the bad argument", async () => {
  await expect(ThreadTransport.open({ capacity: 12 })).rejects.toThrow(
    new RangeError("capacity must be a power of two from 2 to 2^20, got 12"),
  );
  const transport = await ThreadTransport.open();
  await expect(transport.ring([0] as never)).rejects.toThrow(
    new TypeError("latencyNs must be a Float32Array, got an array"),
  );
  await transport.close();
});
