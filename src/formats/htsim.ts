import { DOORBELL_LOAD } from "../../assembly/layout.ts";
import { checkAtLeast, checkKeys, didYouMean } from "../check.ts";
import { fileError } from "../measurement.ts";
import { blankTraffic, loadRows, SLACK_NS, sortTraffic, type Traffic } from "../traffic.ts";

export interface ConnectionMatrixOptions {
  /** The file's name, for messages. */
  file?: string;
  /** From a connection's start to its deadline, of which the format knows none; 180,000 unless given. */
  slackNs?: number;
}

/** What a connection says besides its ends: what traffic can say too, and what it cannot. */
const KNOWN = ["start", "size", "id"];
const FOREIGN = ["trigger", "send_done_trigger", "recv_done_trigger", "addon", "prio"];

/**
 * Reads a connection matrix of csg-htsim: `gpus` of them, and every connection a load. `start` is in picoseconds, as that
 * tool reads it; its own routine for saving writes microseconds, which neither it nor this tells apart. Fence ids are those of
 * the file, or where no connection has one, its number from 1. Refused is what traffic cannot say: connections that await a
 * trigger or go by priority, sizes without an end, failures.
 */
export function readConnectionMatrix(
  text: string,
  options: ConnectionMatrixOptions = {},
): { gpus: number; traffic: Traffic } {
  checkKeys("options", options, ["file", "slackNs"]);
  const { file = "connection matrix", slackNs = SLACK_NS } = options;
  checkAtLeast("slackNs", slackNs, 0);
  const heads: Record<string, number> = {};
  const connections: Connection[] = [];
  for (const [i, line] of text.split(/\r\n|\r|\n/).entries()) {
    const words = line.trim().split(/\s+/);
    const [first, second] = words;
    if (!first || first.startsWith("#")) continue;
    if (first.includes("->")) connections.push(connectionOf(file, i + 1, words, heads["Nodes"] ?? 0));
    else headOf(file, i + 1, heads, first, second ?? "nothing");
  }
  const { Nodes: gpus, Connections: stated } = heads;
  if (gpus === undefined) throw fileError(file, null, "a line Nodes N", "none");
  if (stated === undefined) throw fileError(file, null, "a line Connections N", "none");
  if (stated !== connections.length)
    throw fileError(file, null, `as many connections as it says, ${stated}`, `${connections.length}`);

  const traffic = blankTraffic(connections.length);
  const numbered = connections.some(({ id }) => id !== undefined);
  connections.forEach(({ line, source, sink, startPs, sizeBytes, id }, row) => {
    if (numbered && id === undefined) throw fileError(file, line, "an id, as other connections have", "none");
    traffic.op[row] = DOORBELL_LOAD;
    traffic.postNs[row] = startPs / 1000;
    traffic.fenceId[row] = id ?? row + 1;
    traffic.sourceGpu[row] = source;
    traffic.destinationGpu[row] = sink;
    traffic.sizeBytes[row] = sizeBytes;
    traffic.deadlineNs[row] = startPs / 1000 + slackNs;
  });
  loadRows(traffic, (row, load) =>
    fileError(
      file,
      connections[row]!.line,
      "an id of its own",
      `${traffic.fenceId[row]}, that of line ${connections[load!]!.line}`,
    ),
  );
  return { gpus, traffic: sortTraffic(traffic) };
}

interface Connection {
  line: number;
  source: number;
  sink: number;
  startPs: number;
  sizeBytes: number;
  id: number | undefined;
}

function headOf(file: string, line: number, heads: Record<string, number>, name: string, value: string): void {
  const known = ["Nodes", "Connections", "Triggers", "Failures"];
  if (!known.includes(name)) throw fileError(file, line, "A->B start T size S", `${name}${didYouMean(name, known)}`);
  if (heads[name] !== undefined) throw fileError(file, line, `${name} once`, "it again");
  const none = name === "Triggers" || name === "Failures";
  heads[name] = wholeOf(file, line, name, value, name === "Nodes" ? 1 : 0, none ? 0 : 2 ** 32);
}

function connectionOf(file: string, line: number, [ends, ...words]: readonly string[], nodes: number): Connection {
  const [source, sink, ...more] = ends!.split("->");
  if (more.length > 0) throw fileError(file, line, "A->B start T size S", ends!);
  if (nodes === 0) throw fileError(file, line, "a line Nodes N before all connections", ends!);
  const given = new Map<string, string>();
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i]!;
    if (FOREIGN.includes(name)) throw fileError(file, line, `no more than ${KNOWN.join(", ")} of a connection`, name);
    if (!KNOWN.includes(name)) throw fileError(file, line, KNOWN.join(", "), `${name}${didYouMean(name, KNOWN)}`);
    if (given.has(name)) throw fileError(file, line, `${name} once`, "it again");
    given.set(name, words[i + 1] ?? "nothing");
  }
  const start = given.get("start") ?? "nothing";
  if (!/^\+?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(start) || !(Number(start) <= 2 ** 64))
    throw fileError(file, line, "a start in picoseconds", start);
  const id = given.get("id");
  return {
    line,
    source: wholeOf(file, line, "a source", source!, 0, nodes - 1),
    sink: wholeOf(file, line, "a destination", sink!, 0, nodes - 1),
    startPs: Number(start),
    sizeBytes: wholeOf(file, line, "size", given.get("size") ?? "nothing", 1, Number.MAX_SAFE_INTEGER),
    id: id === undefined ? undefined : wholeOf(file, line, "id", id, 1, 2 ** 32 - 1),
  };
}

/** The whole number from `low` to `high` that `text` spells. */
function wholeOf(file: string, line: number, name: string, text: string, low: number, high: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low && value <= high))
    throw fileError(file, line, low === high ? `${name} ${low}` : `${name} from ${low} to ${high}`, text || "nothing");
  return value;
}
