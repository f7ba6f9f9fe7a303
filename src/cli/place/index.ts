import { Command } from "commander";
import { readPlacementInput } from "../../index.ts";
import { checkFolders, readBytes } from "../files.ts";
import { typed } from "../print.ts";
import { runBalance } from "./balance.ts";
import { checkFlags, type PlaceFlags, placeOptions } from "./flags.ts";
import { runLatency } from "./latency.ts";

/** `vorchestrate place` */
export function placeCommand(): Command {
  const command = new Command("place")
    .description("decide which GPU holds which expert: balanced loads, or short ways; with a bound that no plan beats")
    .argument("<loads>", "loads of experts (JSON, CSV, .npy, .npz), or a latency problem as JSON; gzip or not");
  return placeOptions(command)
    .addHelpText(
      "after",
      `
Loads are [layer][expert] or [step][layer][expert]; in JSON bare, or as logical_count or weight; in CSV as columns
layer, expert, load, or a row a layer. A latency problem says in demand, a row an expert, which GPUs ask for how much.

Examples:
  ${typed("place loads.json --gpus 32 --slots 288 --maps maps.json")}
  ${typed("place loads.npy --gpus 32 --slots 288 --from maps.json --moves-max 64")}
  ${typed("place loads.npy --gpus 32 --slots 288 --from maps.json --drain 3,7")}
  ${typed("place loads.csv --gpus 32 --slots 288 --check maps.json")}
  ${typed("place problem.json --topology cluster.json --radius 2 --explain 17")}

Exit codes: 0 a plan, or one that breaks no rule; 1 no plan, a target that is not reached, or one that breaks rules;
2 no answer, because the input is wrong.`,
    )
    .action(async (file: string, flags: PlaceFlags) => {
      checkFolders(flags.out, flags.maps, flags.svg);
      const input = await readPlacementInput(readBytes(file), { file });
      const objective = input.loads ? "balance" : "latency";
      if (flags.objective !== undefined && flags.objective !== objective)
        throw new TypeError(
          input.loads
            ? `--objective latency goes with a problem that says who asks for experts (demand), got loads alone in ${file}`
            : `--objective balance goes with loads of experts, got a latency problem in ${file}`,
        );
      checkFlags(flags, objective, file, input.problem?.from !== undefined);
      if (input.loads) runBalance(input.loads, file, flags);
      else runLatency(input.problem, file, flags);
    });
}
