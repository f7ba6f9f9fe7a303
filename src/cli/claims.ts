import { Argument, Command, Option } from "commander";
import {
  CLAIM_VERDICTS,
  type ClaimAnswer,
  type ClaimCurve,
  type ClaimFigure,
  type ClaimHeadline,
  type ClaimVerdict,
  claimsHeadline,
  FACTS,
  figure,
  judgeClaims,
  lineChart,
} from "../index.ts";
import { checkFolders, writeText } from "./files.ts";
import { heading, paint, progressBar, say, sayJson, sayNext, sayTable, sayWrapped, typed } from "./print.ts";

interface ClaimsFlags {
  only?: ClaimVerdict;
  quick?: boolean;
  svg?: string;
  json?: boolean;
}

/** `vorchestrate claims [id]` */
export function claimsCommand(): Command {
  return new Command("claims")
    .description(
      "judge every figure that the sources state: what follows, what does not, and what would have to be true",
    )
    .addArgument(new Argument("[id]", "one statement in full"))
    .addOption(new Option("--only <verdict>", "statements with that verdict").choices(CLAIM_VERDICTS))
    .option("--quick", "fewer steps and doorbells: wider intervals")
    .option("--svg <file>", "write the curves of what would have to be true as a picture")
    .option("--json", "print the answers as JSON")
    .addHelpText(
      "after",
      `
Examples:
  ${typed("claims --quick")}
  ${typed("claims tpot.mixtral")}
  ${typed('claims --only "not reproduced" --svg needs.svg')}`,
    )
    .action(async (id: string | undefined, flags: ClaimsFlags) => {
      checkFolders(flags.svg);
      if (id !== undefined && flags.only)
        throw new TypeError(`--only is for all statements, and ${id} is one: leave one of them out`);
      const isQuick = flags.quick ?? false;
      const answers = (await answered(id, isQuick)).filter(({ verdict }) => !flags.only || verdict === flags.only);
      if (flags.json && flags.svg === undefined) return sayJson(answers);
      const headline = id === undefined ? claimsHeadline({ isQuick }) : null;
      if (flags.svg !== undefined) writeText(flags.svg, picture(answers, headline));
      if (flags.json) return sayJson(answers);
      if (headline) sayLedger(answers, headline);
      else for (const answer of answers) sayAnswer(answer);
      if (flags.svg !== undefined) say(`\nThe picture is in ${flags.svg}`);
    });
}

async function answered(id: string | undefined, isQuick: boolean): Promise<ClaimAnswer[]> {
  const progress = progressBar("judging", id === undefined ? FACTS.length : 1);
  try {
    const onProgress = (_: string, done: number) => progress.update(done);
    return await judgeClaims({ ...(id === undefined ? {} : { ids: [id] }), isQuick, onProgress });
  } finally {
    progress.stop();
  }
}

function sayLedger(answers: readonly ClaimAnswer[], headline: ClaimHeadline): void {
  say(paint.bold("Do optics decide whether experts can be fetched?"));
  sayWrapped("", headline.words);
  for (const verdict of CLAIM_VERDICTS.toReversed()) {
    const alike = answers.filter((answer) => answer.verdict === verdict);
    if (alike.length === 0) continue;
    heading(`${verdict} (${alike.length})`);
    for (const { id, states, because, needs, isPrediction, kind } of alike) {
      const isTaken = kind === "input" || kind === "context";
      sayWrapped(
        `${id.padEnd(24)} `,
        isTaken ? states : `${states}: ${because}${isPrediction ? " (a prediction)" : ""}`,
      );
      for (const { parameter, value, unit } of needs)
        sayWrapped(
          `${" ".repeat(24)} `,
          paint.dim(`would take: ${parameter}, ${value === null ? "and no value does" : `${figure(value)} ${unit}`}`),
        );
    }
  }
  sayNext([[typed("claims tpot.mixtral"), "one in full"]]);
}

const amount = (value: number, unit: string) => (value === Number.MAX_VALUE ? "any more" : `${figure(value)} ${unit}`);

function statedOf({ stated, unit }: ClaimFigure): string {
  if (typeof stated === "number") return amount(stated, unit);
  return stated[1] === Number.MAX_VALUE
    ? `above ${amount(stated[0], unit)}`
    : `${figure(stated[0])} to ${amount(stated[1], unit)}`;
}

function sayAnswer(answer: ClaimAnswer): void {
  say(`${paint.bold(answer.id)}: ${answer.states}`);
  sayWrapped("", `${paint.bold(answer.verdict)}: ${answer.because}`);
  if (answer.figures.length > 0) {
    heading("Stated and found");
    sayTable(
      ["figure", "stated", "found", "95%", ""],
      answer.figures.map((one) => [
        one.name,
        statedOf(one),
        amount(one.found, one.unit),
        one.interval ? `${figure(one.interval[0])} to ${figure(one.interval[1])}` : "",
        one.fits ? "fits" : "does not fit",
      ]),
      [1, 2],
    );
  }
  if (answer.readings.length > 0) {
    heading("Readings");
    for (const { name, found, unit, fits } of answer.readings)
      sayWrapped(`${fits ? "fits        " : "does not fit"}  `, `${name}: ${amount(found, unit)}`);
  }
  if (answer.arithmetic.length > 0) heading("Arithmetic");
  for (const line of answer.arithmetic) sayWrapped("  ", line);
  if (answer.needs.length > 0) heading("What would have to be true");
  for (const { parameter, value, unit, gives, because } of answer.needs) {
    const put = gives ? ` (${gives.name}: ${amount(gives.found, gives.unit)}, stated ${figure(gives.stated)})` : "";
    sayWrapped("  ", `${parameter}: ${value === null ? "no value does" : amount(value, unit)}${put}. ${because}`);
  }
  if (answer.calibratedOn.length > 0) say(`\nCalibrated on ${answer.calibratedOn.join(", ")}`);
  if (answer.isPrediction) say("What came out beside these is a prediction.");
}

/** What would have to be true, as pictures: one below the other. */
function picture(answers: readonly ClaimAnswer[], headline: ClaimHeadline | null): string {
  const curves = [
    ...(headline ? [headline.joint.latencyForWorth, headline.stallsForOnePercent] : []),
    ...answers.flatMap((answer) => answer.curves),
  ];
  if (curves.length === 0) throw new RangeError("--svg goes with statements that have a curve, got none");
  return lineChart(curves.map(chartOf));
}

function chartOf({ title, x, y, isLog, points }: ClaimCurve) {
  const format = (value: number) => figure(value);
  const seen = isLog ? points.filter((point) => point.y > 0) : points;
  return {
    title,
    x: { label: x, format },
    y: { label: y, log: isLog, format },
    series: [{ name: "solved for", points: seen.map((point) => ({ ...point, radius: 4 })) }],
  };
}
