import { checkBetween, checkKeys, checkPositive, checkWhole } from "./check.ts";
import { OPTICS } from "./optics/builtin.ts";
import { type Evidence, type Optics, type OpticsProfile, opticsNamed } from "./optics/index.ts";

/** What optics are to power. */
export interface PowerOptions {
  /** Each a built-in profile's name, or optics of one's own; all built-in ones that state their energy unless given. */
  optics?: readonly (string | Optics)[];
  /** What savings are measured from; the first of `optics` unless given. */
  base?: string | Optics;
  /** What one switch carries, one way; 51.2 unless given. */
  switchTbps?: number;
  /** Ports that share a module; 1 unless given. */
  portsPerModule?: number;
  /** A whole cluster; left out of the report unless given. */
  cluster?: PoweredCluster;
}

/** GPUs and the ports between them: a Clos without oversubscription, in which each level adds a link a port. */
export interface PoweredCluster {
  gpus: number;
  /** Of one GPU. */
  gpuWatts: number;
  /** Of all of it: those that leave GPUs or their DPUs for the fabric. */
  ports: number;
  /** Levels of switches: 1 a node or rack, 2 a pod, 3 anywhere. */
  levels: number;
  /** What it decodes; null where nobody says. */
  tokensPerSecond: number | null;
}

/** What one kind of optics draws. */
export interface OpticsPower {
  name: string;
  picojoulesPerBit: number;
  portGbps: number;
  /** One end of a link: what it sends at line rate, a module draws whether it sends or not. */
  portWatts: number;
  moduleWatts: number;
  switchWatts: number;
  /** Against the base; negative where more is drawn. */
  saving: { share: number; portWatts: number; switchWatts: number; clusterWatts: number | null };
  cluster: ClusterPower | null;
  /** Of the energy. */
  evidence: readonly Evidence[];
}

/** What all ends of all links draw, and the GPUs. */
export interface ClusterPower {
  opticsWatts: number;
  gpusWatts: number;
  /** Of optics in the sum of both. */
  opticsShare: number;
  joulesPerToken: number | null;
  /** Of them, those of optics. */
  opticsJoulesPerToken: number | null;
}

export interface PowerReport {
  base: string;
  switchTbps: number;
  optics: OpticsPower[];
  /** Built-in profiles that are left out, for nobody states their energy. */
  unstated: string[];
}

/** A thousand times what the largest switches carry. */
const MOST_TBPS = 1e5;
const MOST_WATTS = 1e5;
const MOST_TOKENS_PER_SECOND = 1e12;

const named = (optics: string | Optics): OpticsProfile =>
  (typeof optics === "string" ? opticsNamed(optics) : optics).profile;

/** What optics draw, port by port, switch by switch and in a whole cluster, and what one kind saves over another. */
export function comparePower(options: PowerOptions = {}): PowerReport {
  checkKeys("options", options, ["optics", "base", "switchTbps", "portsPerModule", "cluster"]);
  const { switchTbps = 51.2, portsPerModule = 1, cluster = null } = options;
  checkUpTo("switchTbps", switchTbps, MOST_TBPS);
  checkWhole("portsPerModule", portsPerModule, 1, 64);
  if (cluster) checkCluster(cluster);
  const stated = OPTICS.filter(({ picojoulesPerBit }) => picojoulesPerBit !== null).map(({ name }) => name);
  const profiles = (options.optics ?? stated).map(named);
  if (profiles.length === 0) throw new RangeError("optics must hold at least 1, got 0");
  const base = options.base === undefined ? profiles[0]! : named(options.base);
  const drawn = (profile: OpticsProfile) => drawnBy(profile, switchTbps, cluster);
  const from = drawn(base);
  return {
    base: base.name,
    switchTbps,
    optics: profiles.map((profile) => {
      const one = drawn(profile);
      return {
        name: profile.name,
        picojoulesPerBit: one.picojoulesPerBit,
        portGbps: profile.portGbps,
        portWatts: one.portWatts,
        moduleWatts: one.portWatts * portsPerModule,
        switchWatts: one.switchWatts,
        saving: {
          share: 1 - one.picojoulesPerBit / from.picojoulesPerBit,
          // A port of the base's rate: one of another rate carries more or fewer bits.
          portWatts: ((from.picojoulesPerBit - one.picojoulesPerBit) * base.portGbps) / 1000,
          switchWatts: from.switchWatts - one.switchWatts,
          clusterWatts: one.cluster && from.cluster!.opticsWatts - one.cluster.opticsWatts,
        },
        cluster: one.cluster,
        evidence: profile.evidence.filter(({ about }) => /picojoules|energy/.test(about)),
      };
    }),
    unstated: options.optics ? [] : OPTICS.map(({ name }) => name).filter((name) => !stated.includes(name)),
  };
}

/** The switch, in Tb/s one way, on which `to` saves so many watts over `from`; null where it saves nothing. */
export function switchTbpsThatSaves(watts: number, from: string | Optics, to: string | Optics): number | null {
  checkPositive("watts", watts);
  const saved = energyOf(named(from)) - energyOf(named(to));
  return saved > 0 ? watts / saved : null;
}

function energyOf({ name, picojoulesPerBit }: OpticsProfile): number {
  if (picojoulesPerBit === null)
    throw new RangeError(`picojoulesPerBit must be stated to know what ${name} draws, got null`);
  return picojoulesPerBit;
}

function drawnBy(profile: OpticsProfile, switchTbps: number, cluster: PoweredCluster | null) {
  const picojoulesPerBit = energyOf(profile);
  // 10^9 bits a second of 10^-12 joules are a thousandth of a watt.
  const portWatts = (profile.portGbps * picojoulesPerBit) / 1000;
  return {
    picojoulesPerBit,
    portWatts,
    switchWatts: switchTbps * picojoulesPerBit,
    cluster: cluster && clusterPower(cluster, portWatts),
  };
}

function clusterPower(
  { gpus, gpuWatts, ports, levels, tokensPerSecond }: PoweredCluster,
  portWatts: number,
): ClusterPower {
  const opticsWatts = 2 * levels * ports * portWatts;
  const gpusWatts = gpus * gpuWatts;
  return {
    opticsWatts,
    gpusWatts,
    opticsShare: opticsWatts / (opticsWatts + gpusWatts),
    joulesPerToken: tokensPerSecond === null ? null : (opticsWatts + gpusWatts) / tokensPerSecond,
    opticsJoulesPerToken: tokensPerSecond === null ? null : opticsWatts / tokensPerSecond,
  };
}

function checkCluster(cluster: PoweredCluster): void {
  checkKeys("cluster", cluster, ["gpus", "gpuWatts", "ports", "levels", "tokensPerSecond"]);
  checkWhole("gpus", cluster.gpus, 1, 2 ** 20);
  checkUpTo("gpuWatts", cluster.gpuWatts, MOST_WATTS);
  checkWhole("ports", cluster.ports, 1, 2 ** 24);
  checkWhole("levels", cluster.levels, 1, 8);
  if (cluster.tokensPerSecond !== null) checkUpTo("tokensPerSecond", cluster.tokensPerSecond, MOST_TOKENS_PER_SECOND);
}

/** Refuses all but a number above 0, up to `most`. */
function checkUpTo(name: string, value: number, most: number): void {
  checkPositive(name, value);
  checkBetween(name, value, 0, most);
}
