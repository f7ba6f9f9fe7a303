import { checkBetween, checkKeys, checkPositive, checkWhole } from "./check.ts";
import type { Evidence } from "./optics/index.ts";

/** A board that carries optical engines, each of which fails at constant rates. FIT are failures in 10^9 hours. */
export interface BoardOptions {
  /** 16 unless given. */
  engines?: number;
  /** Of an engine without its laser; 100 unless given. */
  engineFit?: number;
  /** Of the laser that feeds an engine; 400 unless given. */
  laserFit?: number;
  /** Of the board itself; 0 unless given. */
  boardFit?: number;
  /** From a board's failure to its successor at work; 4 unless given. */
  boardSwapHours?: number;
  /** From a laser's failure to its successor at work, where it is replaceable; 0.5 unless given. */
  laserSwapHours?: number;
}

/** What a board's engines come to: any of them that fails, fails the board, unless only its laser is to blame and replaceable. */
export interface BoardReport {
  engines: number;
  /** Of anything. */
  failuresPerHour: number;
  /** Against a board with one engine. */
  ratioToOne: number;
  /** The share of failures that a replaceable laser takes with it. */
  replaceableShare: number;
  fixed: BoardUpkeep;
  /** With lasers that are replaced from outside. */
  replaceable: BoardUpkeep;
  /** How much longer boards stay with replaceable lasers. */
  swapTimeRatio: number;
}

export interface BoardUpkeep {
  meanHoursBetweenSwaps: number;
  /** That a board is swapped within a year. */
  swapShareOfYear: number;
  /** Of the time, that a board waits for a part. */
  downShare: number;
}

/** Where the defaults come from. */
export const RELIABILITY_EVIDENCE: readonly Evidence[] = [
  {
    about: "100 FIT an engine, 400 a laser, swaps of 4 and 0.5 hours",
    grade: "assumed",
    source: "nobody states them",
    note: "lasers are reported, second-hand, to be behind most failures of optics; ratios hang on shares alone",
  },
  {
    about: "constant rates, engines apart from one another",
    grade: "assumed",
    source: "the series system",
    note: "what ages or fails together, as heat would have it, is not in it",
  },
];

const FIT_HOURS = 1e9;
const HOURS_OF_YEAR = 8766;

/** How often a board fails and is swapped, with lasers inside and with replaceable ones. */
export function boardReliability(options: BoardOptions = {}): BoardReport {
  const { engines = 16, engineFit = 100, laserFit = 400, boardFit = 0 } = options;
  const { boardSwapHours = 4, laserSwapHours = 0.5 } = options;
  checkKeys("options", options, ["engines", "engineFit", "laserFit", "boardFit", "boardSwapHours", "laserSwapHours"]);
  checkWhole("engines", engines, 1, 2 ** 16);
  checkPositive("engineFit", engineFit);
  // What fails every hour is no part, and who waits for a year has none.
  for (const [name, value] of Object.entries({ engineFit, laserFit, boardFit }))
    checkBetween(name, value, 0, FIT_HOURS);
  for (const [name, value] of Object.entries({ boardSwapHours, laserSwapHours }))
    checkBetween(name, value, 0, HOURS_OF_YEAR);
  const lasers = (engines * laserFit) / FIT_HOURS;
  const rest = (engines * engineFit + boardFit) / FIT_HOURS;
  return {
    engines,
    failuresPerHour: lasers + rest,
    ratioToOne: ((lasers + rest) * FIT_HOURS) / (engineFit + laserFit + boardFit),
    replaceableShare: lasers / (lasers + rest),
    fixed: upkeep(lasers + rest, boardSwapHours, 0, 0),
    replaceable: upkeep(rest, boardSwapHours, lasers, laserSwapHours),
    swapTimeRatio: (lasers + rest) / rest,
  };
}

function upkeep(swapsPerHour: number, swapHours: number, repairsPerHour: number, repairHours: number): BoardUpkeep {
  // Of renewals one after the other: a part's wait for each hour of work.
  const waits = swapsPerHour * swapHours + repairsPerHour * repairHours;
  return {
    meanHoursBetweenSwaps: 1 / swapsPerHour,
    swapShareOfYear: -Math.expm1(-swapsPerHour * HOURS_OF_YEAR),
    downShare: waits / (1 + waits),
  };
}
