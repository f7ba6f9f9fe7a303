import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { type Calibration, calibrateServing, compareServing, readRequests, simulateServing } from "../../src/index.ts";

const SERVING = resolve("../shared/data/serving");
const TRACES = resolve("../shared/data/requests");

/**
 * vLLM 0.19.0 with Qwen3-30B-A3B on two RTX PRO 6000, as the measurement's own description has it (casys-kaist/LLMServingSim
 * @5daddb21, bench/examples/RTXPRO6000): data parallel with experts spread, 128 sequences and 2,048 tokens a rank.
 */
const ENGINE = { model: "qwen3-30b", gpu: "rtx-pro-6000", ranks: 2, maxSequences: 128, maxBatchedTokens: 2048 };

describe.skipIf(!existsSync(SERVING))("beside vLLM (../shared/data/serving)", async () => {
  const file = `${SERVING}/llmservingsim_vllm_measured_Qwen3-30B-A3B.requests.jsonl`;
  const { requests, measured } = existsSync(file)
    ? await readRequests(readFileSync(file), { file })
    : { requests: null!, measured: null };

  /** What the file's authors print of the same requests, and of their own simulator. */
  const published = (name: string) => {
    const text = readFileSync(`${SERVING}/llmservingsim_Qwen3-30B-A3B.validation_summary.txt`, "utf8");
    const [, vllm, theirs, error] = new RegExp(`^${name}\\s+([\\d.]+)\\s+([\\d.]+)\\s+([-+\\d.]+)%`, "m").exec(text)!;
    return { vllm: Number(vllm), theirs: Number(theirs), error: Number(error) / 100 };
  };

  test("TTFT, TPOT and latency are what the authors mean by them", () => {
    const all = compareServing(requests, measured!, measured!);
    const quantiles = { Mean: "meanNs", Median: "p50Ns", P90: "p90Ns", P95: "p95Ns", P99: "p99Ns" } as const;
    for (const [name, key] of Object.entries(quantiles)) {
      expect(all.ttft[key].measuredNs / 1e6).toBeCloseTo(published(`TTFT ${name}`).vllm, 1);
      expect(all.tpot![key].measuredNs / 1e6).toBeCloseTo(published(`TPOT ${name}`).vllm, 1);
      expect(all.latency[key].measuredNs / 1e6).toBeCloseTo(published(`Latency ${name}`).vllm, 1);
    }
    expect(all.meanAbsoluteError).toEqual({ ttft: 0, tpot: 0, latency: 0 });
  });

  /** The bounds of the task: 5% of the mean TPOT, 15% of the mean TTFT, on requests whose times were not looked at. */
  const expectHeld = ({ heldOut }: Calibration) => {
    expect(heldOut!.requests).toBe(150);
    expect(Math.abs(heldOut!.tpot!.meanNs.error)).toBeLessThan(0.05);
    expect(Math.abs(heldOut!.ttft.meanNs.error)).toBeLessThan(0.15);
    for (const { error } of Object.values(heldOut!.tpot!)) expect(Math.abs(error)).toBeLessThan(0.05);
    for (const { error } of Object.values(heldOut!.latency)) expect(Math.abs(error)).toBeLessThan(0.05);
  };

  test("fitted to every other request it foretells the rest, and the whole better than the published simulator", () => {
    const calibration = calibrateServing(requests, measured!, ENGINE);
    expectHeld(calibration);
    const { times } = simulateServing(requests, { ...ENGINE, ...calibration.costs });
    const all = compareServing(requests, times, measured!);
    expect(Math.abs(all.tpot!.meanNs.error)).toBeLessThan(Math.abs(published("TPOT Mean").error));
    expect(Math.abs(all.ttft.meanNs.error)).toBeLessThan(Math.abs(published("TTFT Mean").error));
  });

  test("fitted to the first half in time, in which hardly any request waits, it foretells the half that does", () => {
    const calibration = calibrateServing(requests, measured!, ENGINE, { among: (request) => request < 150 });
    expectHeld(calibration);
    const { fitted, heldOut } = calibration;
    expect(fitted.ttft.meanNs.measuredNs).toBeLessThan(0.2e9);
    expect(heldOut!.ttft.meanNs.measuredNs).toBeGreaterThan(1e9);
  });
});

describe.skipIf(!existsSync(TRACES))("traces of requests (../shared/data/requests)", () => {
  test.each([
    ["AzureLLMInferenceTrace_code.csv.gz", "azure", 8819, [4808, 10]],
    ["AzureLLMInferenceTrace_conv.csv.gz", "azure", 19_366, [374, 44]],
    ["mooncake_conversation_trace.first1500.jsonl.gz", "mooncake", 1500, [6758, 500]],
  ] as const)("%s", async (name, format, count, first) => {
    const read = await readRequests(readFileSync(`${TRACES}/${name}`), { file: name });
    expect(read).toMatchObject({ format, measured: null });
    const { arrivalNs, inputTokens, outputTokens } = read.requests;
    expect(arrivalNs.length).toBe(count);
    expect([inputTokens[0], outputTokens[0]]).toEqual(first);
    expect([...arrivalNs].every((ns, i) => i === 0 || ns >= arrivalNs[i - 1]!)).toBe(true);
  });
});
