import { describe, expect, test } from "vitest";
import { readRequests } from "../../src/index.ts";

const AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n";
const PLAIN = "arrivalMs,inputTokens,outputTokens\n";
const served = (fields: object = {}) =>
  JSON.stringify({
    request_id: "a",
    input_toks: 5,
    output_toks: 3,
    arrival_time: 1777144890.5,
    queued_ts: 100.25,
    scheduled_ts: 100.5,
    first_token_ts: 101,
    last_token_ts: 102,
    ...fields,
  });

describe("formats of requests", () => {
  test("Azure's, whose instants have more decimals than a Date, over midnight", async () => {
    const text = `${AZURE}2023-11-16 23:59:59.9999000,374,44\r\n2023-11-17 00:00:00.0001000,396,109`;
    const { format, requests, measured } = await readRequests(text);
    expect([format, measured]).toEqual(["azure", null]);
    expect([...requests.inputTokens, ...requests.outputTokens]).toEqual([374, 396, 44, 109]);
    // Doubles of nanoseconds since 1970 are multiples of 256.
    expect(Math.abs(requests.arrivalNs[1]! - 200_000)).toBeLessThanOrEqual(256);
  });

  test("Mooncake's, with shared blocks or without", async () => {
    const lines = [
      { timestamp: 3000, input_length: 7, output_length: 2, hash_ids: [0, 1] },
      { timestamp: 4500, input_length: 9, output_length: 1 },
    ];
    const { format, requests } = await readRequests(lines.map((line) => JSON.stringify(line)).join("\n"));
    expect(format).toBe("mooncake");
    expect([...requests.arrivalNs]).toEqual([0, 1.5e9]);
    expect([...requests.inputTokens]).toEqual([7, 9]);
  });

  test("prefixes that an earlier request had are counted, in order of arrival, up to the first new block", async () => {
    const rows = [
      { timestamp: 20, input_length: 1100, output_length: 1, hash_ids: [1, 2, 5] }, // 1,024 of [1, 2]
      { timestamp: 10, input_length: 1030, output_length: 1, hash_ids: [1, 2, 3] }, // none: it came first
      { timestamp: 30, input_length: 1400, output_length: 1, hash_ids: [1, 4, 3] }, // 512: 3 is behind a new one
      { timestamp: 40, input_length: 1030, output_length: 1, hash_ids: [1, 2, 3] }, // all, of a last block in part
      { timestamp: 50, input_length: 440, output_length: 1 },
    ];
    const text = rows.map((line) => JSON.stringify(line)).join("\n");
    expect((await readRequests(text)).sharedPrefixShare).toBe((1024 + 512 + 1030) / 5000);
    expect((await readRequests(`${PLAIN}0,5,5\n`)).sharedPrefixShare).toBeNull();
  });

  test("a plain table, columns and rows in any order, a byte order mark before it", async () => {
    const { format, requests } = await readRequests("\uFEFFinputTokens,arrivalMs,outputTokens\n5,20.5,1\n\n6,10,2\n");
    expect(format).toBe("plain");
    expect([...requests.arrivalNs]).toEqual([0, 10.5e6]);
    expect([...requests.inputTokens]).toEqual([6, 5]);
  });

  test("what vLLM served: the soonest to be queued was queued at once", async () => {
    const later = {
      arrival_time: 1777144891.5,
      queued_ts: 101.5,
      scheduled_ts: 101.5,
      first_token_ts: 103,
      last_token_ts: 104,
    };
    const { format, requests, measured } = await readRequests(`${served()}\n${served(later)}`);
    expect(format).toBe("vllm");
    expect([...requests.arrivalNs]).toEqual([0, 1e9]);
    expect([...measured!.queuedNs]).toEqual([0, 1.25e9]);
    expect([...measured!.firstNs]).toEqual([0.75e9, 2.75e9]);
    expect([...measured!.endNs]).toEqual([1.75e9, 3.75e9]);
  });

  test("bytes, packed by gzip or not", async () => {
    const plain = new TextEncoder().encode(`${PLAIN}0,1,1\n`);
    const packed = new Blob([plain]).stream().pipeThrough(new CompressionStream("gzip"));
    const unpacked = await readRequests(plain);
    expect(await readRequests(new Uint8Array(await new Response(packed).arrayBuffer()))).toEqual(unpacked);
  });
});

describe("refusals", () => {
  test.each([
    ["", "f: expected requests, got an empty file"],
    [PLAIN, "f: expected at least 1 request, got none"],
    [
      "arrivalMs,inputToken,outputTokens\n",
      "f:1: expected columns arrivalMs, inputTokens, outputTokens, got inputToken; did you mean inputTokens?",
    ],
    [
      "arrivalMs,inputTokens\n1,2\n",
      "f:1: expected columns arrivalMs, inputTokens, outputTokens, got none of them outputTokens",
    ],
    ["arrivalMs,inputTokens,inputTokens,outputTokens\n", "f:1: expected each column once, got inputTokens twice"],
    [`${PLAIN}1,2\n`, "f:2: expected 3 columns, got 2 columns"],
    [`${PLAIN}1,2,3\n-1,2,3\n`, "f:3: expected arrivalMs to be a number from 0 up, got -1"],
    [`${PLAIN}1,0,3\n`, "f:2: expected inputTokens to be a whole number from 1 to 16777216, got 0"],
    [`${PLAIN}1,2,many\n`, 'f:2: expected outputTokens to be a whole number from 1 to 16777216, got "many"'],
    [
      `${AZURE}2023-13-16 18:17:03,1,1`,
      'f:2: expected TIMESTAMP to be an instant such as 2023-11-16 18:15:46.6805900, got "2023-13-16 18:17:03"',
    ],
    [
      '{"timestamp": 0}\n',
      "f:1: expected keys timestamp, input_length, output_length, hash_ids, got none of them input_length",
    ],
    [
      '{"timestamp": 0, "input_lenght": 1, "output_length": 1}',
      "f:1: expected keys timestamp, input_length, output_length, hash_ids, got input_lenght; did you mean input_length?",
    ],
    [
      '{"timestamp": 0, "input_length": 1, "output_length": 1, "hash_ids": [0.5]}',
      "f:1: expected hash_ids to be a list of whole numbers from 0 up, got an array",
    ],
    ['{"timestamp": 0, "input_length": 1, "output_length": 1}\n[1]', "f:2: expected a JSON object, got an array"],
    [
      `${served()}\n${served({ first_token_ts: 100.4 })}`,
      "f:2: expected queued_ts, scheduled_ts, first_token_ts and last_token_ts in that order, got 100.25, 100.5, 100.4, 102",
    ],
  ])("%j", async (text, message) => {
    await expect(readRequests(text, { file: "f" })).rejects.toThrow(message);
  });

  test("a line that is no JSON is named", async () => {
    await expect(readRequests(`${served()}\n{"request_id"`, { file: "f" })).rejects.toThrow(
      "f:2: expected a JSON object",
    );
  });

  test("options by their names", async () => {
    await expect(readRequests(PLAIN, { fil: "f" } as object)).rejects.toThrow(
      "options has no field fil; did you mean file?",
    );
  });
});
