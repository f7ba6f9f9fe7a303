import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterEach, describe, expect, test, vi } from "vitest";
import source from "../build/threads.worker.txt";
import { measureTail } from "../src/tail.ts";
import { ThreadTransport } from "../src/threads.ts";
import { TIMED } from "./timed.ts";

describe("ThreadTransport", () => {
  test("measures a real tail", TIMED, async () => {
    const transport = await ThreadTransport.open();
    const { report } = await measureTail(transport, { iterations: 20_000 });
    expect(report.leastNs).toBeGreaterThan(0);
    expect(report.outside).toBe(0);
    // Two threads that were woken by the operating system for every doorbell would take longer.
    expect(report.median.ns).toBeLessThan(100_000);
    expect(report.transport).toBe("doorbell rings between two threads");
    expect(report.method).toContain(`Node ${process.version}`);
    expect(report.clock?.costNs).toBeGreaterThan(0);
    await transport.close();
  });

  test("two at once keep apart", async () => {
    const transports = await Promise.all([ThreadTransport.open(), ThreadTransport.open({ capacity: 2 })]);
    const latencies = transports.map(() => new Float32Array(300));
    await Promise.all(transports.map((transport, i) => transport.ring(latencies[i]!)));
    for (const latencyNs of latencies) expect(latencyNs.every((ns) => ns > 0)).toBe(true);
    await Promise.all(transports.map((transport) => transport.close()));
  });

  test("rings again after both threads went to sleep, which costs no CPU", TIMED, async () => {
    const transport = await ThreadTransport.open();
    await transport.ring(new Float32Array(10));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 400));
    const { user, system } = process.cpuUsage(before);
    // One spinning thread alone would use 400 ms.
    expect((user + system) / 1e3).toBeLessThan(200);
    const latencyNs = new Float32Array(10);
    await transport.ring(latencyNs);
    expect(latencyNs.every((ns) => ns > 0)).toBe(true);
    await transport.close();
  });

  test("takes one call at a time", async () => {
    const transport = await ThreadTransport.open();
    const first = transport.ring(new Float32Array(100));
    await expect(transport.ring(new Float32Array(1))).rejects.toThrow("ringing already");
    await first;
    await transport.close();
  });

  test("closes twice, also while ringing and while asleep", async () => {
    const transport = await ThreadTransport.open();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await transport.close();
    await transport.close();
    await expect(transport.ring(new Float32Array(1))).rejects.toThrow("the transport is closed");

    const busy = await ThreadTransport.open();
    const ringing = busy.ring(new Float32Array(2_000_000));
    const closing = expect(ringing).rejects.toThrow("the transport is closed");
    await busy.close();
    await closing;
  });

  test("lets a process end that forgot to close it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "vorchestrate-"));
    try {
      const script = join(folder, "forgetful.mjs");
      await build({
        stdin: {
          contents: `import { ThreadTransport } from "./src/threads.ts";
            const transport = await ThreadTransport.open();
            await transport.ring(new Float32Array(100));
            console.log("rung");`,
          resolveDir: ".",
        },
        bundle: true,
        format: "esm",
        platform: "neutral",
        loader: { ".txt": "text" },
        outfile: script,
      });
      expect(execFileSync(process.execPath, [script], { encoding: "utf8", timeout: 30_000 })).toBe("rung\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a worker that fails", () => {
  afterEach(() => vi.doUnmock("../build/threads.worker.txt"));

  /** A transport whose echoing worker runs `sabotage`, given the `words` of the ring there, before it does its work. */
  async function sabotaged(sabotage: string) {
    const listener = `port.addEventListener("message", ({ data: { role, there, back } }) => {
      if (role !== "echo") return;
      const [words, TAIL, SLOTS] = [new Int32Array(there), 16, 48];
      ${sabotage}
    });`;
    vi.resetModules();
    vi.doMock("../build/threads.worker.txt", () => ({ default: `${listener}${source}` }));
    return (await import("../src/threads.ts")).ThreadTransport;
  }

  test("at the start makes open reject", async () => {
    const Transport = await sabotaged(`port.onmessage = null; throw new Error("no paper");`);
    await expect(Transport.open()).rejects.toThrow("a worker failed: no paper");
  });

  test("to start leaves none running", async () => {
    const ended: string[] = [];
    class Worker {
      static started = 0;
      constructor() {
        if (++Worker.started === 2) throw new Error("no thread left");
      }
      on(): this {
        return this;
      }
      unref(): void {}
      async terminate(): Promise<void> {
        ended.push("first");
      }
    }
    vi.resetModules();
    vi.doMock("../src/host.ts", () => ({
      inNode: () => true,
      hostName: async () => "",
      nodeModule: async () => ({ Worker }),
    }));
    try {
      const { ThreadTransport: Transport } = await import("../src/threads.ts");
      await expect(Transport.open()).rejects.toThrow("no thread left");
      expect(ended).toEqual(["first"]);
    } finally {
      vi.doUnmock("../src/host.ts");
    }
  });

  test("under way makes ring reject, then and later", async () => {
    // Answers the first doorbell, which open waits for, and no other.
    const Transport = await sabotaged(`
      port.onmessage = null;
      setTimeout(() => { throw new Error("out of ink"); }, 1500);
      while (Atomics.load(words, TAIL) === 0);
      new Int32Array(back).set(words.subarray(SLOTS, SLOTS + 16), SLOTS);
      Atomics.store(new Int32Array(back), TAIL, 1);`);
    const transport = await Transport.open();
    const ringing = transport.ring(new Float32Array(100));
    await expect(ringing).rejects.toThrow("a worker failed: out of ink");
    await expect(transport.ring(new Float32Array(1))).rejects.toThrow("a worker failed: out of ink");
    await transport.close();
  });

  test("to return what was sent is found out", async () => {
    const Transport = await sabotaged(`while (Atomics.load(words, TAIL) === 0); words[SLOTS + 15] ^= 1;`);
    await expect(Transport.open()).rejects.toThrow(
      /a worker failed: word 15 of doorbell 1 must come back as \d+, got \d+/,
    );
  });
});
