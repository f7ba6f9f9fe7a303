import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { hasShared, hopProblem, sharedFile } from "./reference/instances.ts";
import { commandLine } from "./run-cli.ts";

const { run, write } = commandLine();

/** What README calls the files of ../shared/data. */
const FILES: Readonly<Record<string, string>> = {
  "decode.json.gz": "loads/deepseek-r1.decode_in2000out100.json.gz",
  "problem.json": "placement/hop-256x32-s0.3.json.gz",
  "measured.jsonl": "serving/llmservingsim_vllm_measured_Qwen3-30B-A3B.requests.jsonl",
  "qwen.route.csv.gz": "routes/qwen.route.csv.gz",
};

/** A command and what is said to come of it; a line of three dots stands for whatever is left out. */
const SAMPLES = [
  ...readFileSync("README.md", "utf8").matchAll(/^```\n\$ npx vorchestrate (?<args>.+)\n(?<shown>(?:.*\n)+?)```$/gm),
].map(({ groups }) => groups as { args: string; shown: string });

test("README has samples", () => expect(SAMPLES.length).toBeGreaterThan(5));

for (const { args, shown } of SAMPLES) {
  const [name] = args.split(" ").filter((word) => word in FILES);
  const file = name && FILES[name]!;
  test.skipIf(file && !hasShared(file))(`what README says of ${args} is what comes of it`, async () => {
    if (file)
      write(name, name === "problem.json" ? JSON.stringify(hopProblem(file, false)) : readFileSync(sharedFile(file)));
    const { status, stdout } = await run(args);
    expect(status).toBe(0);
    let rest = timeless(stdout);
    for (const part of timeless(shown).split(/^ *\.\.\.$/m)) {
      expect(rest).toContain(part.trim());
      rest = rest.slice(rest.indexOf(part.trim()) + part.trim().length);
    }
  });
}

/** Without how long this machine took, and without blanks at the ends of lines. */
function timeless(text: string): string {
  return text.replace(/ +[\d.,]+ µs$/gm, "").replace(/ +$/gm, "");
}
