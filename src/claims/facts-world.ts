import type { Fact } from "./fact.ts";

/** What is stated of power, reliability and the market. */
export const WORLD_FACTS: readonly Fact[] = [
  {
    id: "power.pj-per-bit",
    document: 1,
    section: "1",
    kind: "input",
    states: "What retimed, linear and co-packaged optics spend on a bit",
    values: {
      dsp: 15,
      lpo: 7,
      cpo: 5,
      unit: "pJ/bit",
    },
  },
  {
    id: "power.switch-saving",
    document: 1,
    section: "1",
    kind: "derived",
    states: "Watts that one switch spares with co-packaged optics",
    values: {
      value: 600,
      unit: "W",
    },
  },
  {
    id: "power.system-share",
    document: 2,
    section: "challenge",
    kind: "context",
    states: "What interconnects may take of all power",
    values: {
      above: 0.3,
    },
  },
  {
    id: "power.cpo-saving-b",
    document: 2,
    section: "advantages",
    kind: "derived",
    states: "Share of the interconnect's power that co-packaging spares (second document)",
    values: {
      low: 0.3,
      high: 0.5,
    },
  },
  {
    id: "power.cpo-saving-c",
    document: 3,
    section: "1",
    kind: "derived",
    states: "The same at 800G to 1.6T (third document)",
    values: {
      low: 0.2,
      high: 0.4,
    },
  },
  {
    id: "power.port-saving",
    document: 3,
    section: "1",
    kind: "derived",
    states: "Watts spared by one 800G port",
    values: {
      low: 5,
      high: 15,
      unit: "W",
    },
  },
  {
    id: "power.switch-saving-c",
    document: 3,
    section: "1",
    kind: "derived",
    states: "Watts spared by one switch (third document)",
    values: {
      low: 200,
      high: 500,
      unit: "W",
    },
  },
  {
    id: "adoption.phases",
    document: 3,
    section: "4",
    kind: "context",
    states: "When co-packaging is said to be adopted",
    values: {
      phases: [
        [2026, 2028],
        [2029, 2032],
        [2032, 2035],
      ],
    },
  },
  {
    id: "power.cpo-saving-d",
    document: 4,
    section: "power",
    kind: "derived",
    states: "Share of power spared at the same rate (fourth document)",
    values: {
      low: 0.3,
      high: 0.5,
    },
  },
  {
    id: "power.lpo-module",
    document: 4,
    section: "lpo",
    kind: "derived",
    states: "An 800G linear module, and how far it lies below retimed ones",
    values: {
      value: 8,
      unit: "W",
      cutLow: 0.4,
      cutHigh: 0.45,
    },
  },
  {
    id: "power.cpo-vendors",
    document: 4,
    section: "cpo",
    kind: "input",
    states: "What early co-packaged products spend on a bit",
    values: {
      value: 7,
      unit: "pJ/bit",
    },
  },
  {
    id: "reliability.engines",
    document: 4,
    section: "cpo",
    kind: "derived",
    states: "How much more often a board of 16 modules fails than one of 1",
    values: {
      modules: 16,
      above: 10,
      unit: "ratio",
    },
  },
  {
    id: "reliability.operations",
    document: 4,
    section: "maintenance",
    kind: "context",
    states: "Failures and upkeep after co-packaging",
    values: {
      failure: -0.3,
      maintenance: -0.5,
    },
  },
  {
    id: "market.lpo-penetration",
    document: 4,
    section: "market",
    kind: "context",
    states: "How common linear modules become",
    values: {
      "800G": 0.03,
      "1.6T": 0.33,
      "3.2T": 0.15,
    },
  },
  {
    id: "market.lpo-ports",
    document: 4,
    section: "market",
    kind: "context",
    states: "Linear ports by 2027 if scale-up links take them",
    values: {
      value: 8000000,
    },
  },
  {
    id: "market.cpo-2033",
    document: 4,
    section: "market",
    kind: "context",
    states: "The co-packaged market's size",
    values: {
      value: 2600000000,
      unit: "USD",
    },
  },
];
