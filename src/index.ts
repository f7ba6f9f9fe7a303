export type { AlternativesReport, LanesReport, MeansReport } from "./budget/alternatives.ts";
export type { CertificateReport } from "./budget/certificate.ts";
export type { RetrainEffect, StallEffect } from "./budget/faults.ts";
export { type CheckOptions, checkSchedulability, type MissReport, type Verdict } from "./budget/index.ts";
export type { LoadPhases } from "./budget/load.ts";
export { type Margins, margins } from "./budget/margins.ts";
export { type HopReach, reachByHops } from "./budget/reach.ts";
export type { JitterReport, SlaReport, TransferReport } from "./budget/reports.ts";
export { LoadSampler } from "./budget/sampling.ts";
export { DEFAULTS_EVIDENCE, type Demand, type Fabric, type Objective, type ScenarioInput } from "./budget/scenario.ts";
export type { Term } from "./budget/terms.ts";
export {
  type CapacityCurve,
  type CapacityNeed,
  type CapacityReport,
  capacityCurves,
  type OpticsReach,
  planCapacity,
} from "./capacity/index.ts";
export { CAPACITY_EVIDENCE, type CapacityOptions, type CapacityPoint } from "./capacity/problem.ts";
export { clusterReach, opticsReach } from "./capacity/reach.ts";
export type { CapacityState, CapacityTerm, CapacityTermName } from "./capacity/terms.ts";
export {
  type Certificate,
  certify,
  type LocalDeadline,
  localDeadline,
  type Service,
  type ShapedLoads,
} from "./certificate.ts";
export {
  type ClaimAnswer,
  type ClaimCurve,
  type ClaimFigure,
  type ClaimNeed,
  type ClaimReading,
  type ClaimVerdict,
  VERDICTS as CLAIM_VERDICTS,
} from "./claims/answer.ts";
export { FACTS, type Fact, type FactKind, type FactValue } from "./claims/fact.ts";
export type { ClaimHeadline } from "./claims/headline.ts";
export { type ClaimsOptions, claimsHeadline, judgeClaims } from "./claims/index.ts";
export type { JointPoint, JointSolution } from "./claims/joint.ts";
export { bestClock, type Clock } from "./clock.ts";
export {
  CLUSTER_DEFAULTS,
  type ClusterTier,
  type ClusterTierInput,
  completeServingCluster,
  expertSlots,
  fabricOf,
  gpusWithin,
  type ServingCluster,
  type ServingClusterInput,
  type TierName,
} from "./cluster/index.ts";
export { clusterSchema, type JsonSchema } from "./cluster/schema.ts";
export {
  BASELINES_EVIDENCE,
  type CoherentLoad,
  type CoherentMiss,
  type CoherentOptions,
  type CoherentReadings,
  coherentLoad,
  type ReactiveLoad,
  type ReactiveOptions,
  reactiveLoad,
  type Traversal,
  traversalAt,
  traversalOf,
} from "./coherency.ts";
export { Lattice } from "./convolution.ts";
export {
  Distribution,
  type DistributionSummary,
  type LatencyQuantiles,
  type QuantileInterval,
} from "./distribution.ts";
export { DOORBELL_FLAG_BITS, DOORBELL_OPS, type Doorbell, DoorbellCodec, type DoorbellColumns } from "./doorbell.ts";

export { type DriveHooks, drive, gpusOf } from "./drive/index.ts";
export { type DriveOptions, MEANS, type Means, type Tree } from "./drive/plan.ts";
export type { DpuReport, DriveReport, DurationSummary, HeldLoad } from "./drive/report.ts";
export type { Outcome } from "./drive/run.ts";
export { Executor, type ExecutorOptions, type Expiry, type Load, type LoadEnd, type Read } from "./executor.ts";
export { expertParallelChart } from "./expert-parallel/chart.ts";
export {
  COMM_TABLES,
  type CommTimes,
  commTimesFor,
  compareExpertParallel,
  type ExpertParallelNoRoom,
  type ExpertParallelOptions,
  type ExpertParallelReport,
  type ParallelPoint,
} from "./expert-parallel/index.ts";
export { readCluster, readClusterInput } from "./formats/cluster.ts";
export { type CommPoint, type CommTable, readCommTimes } from "./formats/comm.ts";
export { type LatencyColumnOptions, type LatencyUnit, readLatencyColumn } from "./formats/csv.ts";
export { readDecoding, type StatedDecoding } from "./formats/decoding.ts";
export { readDoorbells } from "./formats/doorbells.ts";
export { type ExpertMaps, formatMaps, mapsOf, readMaps } from "./formats/eplb.ts";
export { type HdrLogExport, type HdrLogOptions, readHdrLog, writeHdrLog } from "./formats/hdr.ts";
export { type ModelConfigOptions, readModelConfig } from "./formats/hf-config.ts";
export { type ConnectionMatrixOptions, readConnectionMatrix } from "./formats/htsim.ts";
export { readLatencyProblem, type StatedProblem } from "./formats/latency-problem.ts";
export { type LoadStatistics, readLoads } from "./formats/loads.ts";
export { type MeasurementOptions, readMeasurement } from "./formats/measurement.ts";
export { type NumpyArray, readNpy, readNpz } from "./formats/npy.ts";
export { readOptics } from "./formats/optics.ts";
export { type PerftestOptions, type PerftestVerb, readPerftest } from "./formats/perftest.ts";
export { type PlacementInput, readPlacementInput } from "./formats/placement.ts";
export {
  type BalancePlanFile,
  formatPlan,
  type LatencyPlanFile,
  type PlanFile,
  type Remarks,
  readPlan,
} from "./formats/plan.ts";
export { readProfile } from "./formats/profile.ts";
export { REQUEST_FORMATS, type RequestFile, type RequestFormat, readRequests } from "./formats/requests.ts";
export type { RouteHead } from "./formats/route-lines.ts";
export { formatRouteModel, readRouteModel } from "./formats/route-model.ts";
export { formatRoutes, ROUTE_TEXTS, type RouteText, type RouteTextOptions } from "./formats/route-text.ts";
export { openRoutes, type RouteStream, type RoutesOptions, readRoutes } from "./formats/routes.ts";
export { readSafetensors, type Tensor, type Tensors, writeSafetensors } from "./formats/safetensors.ts";
export { readTopology, type Topology } from "./formats/topology.ts";
export { formatTrace, type TraceSpan, TraceText } from "./formats/trace.ts";
export { GPUS, type Gpu, gpuNamed, type Precision } from "./gpus.ts";
export { type HeatMap, type HeatPanel, heatMap } from "./heat.ts";
export { type CountedValues, Histogram } from "./histogram.ts";
export { useKernels } from "./kernels.ts";
export { compareLanes, type Lane, type LaneOptions, type LaneReport, laneFaults } from "./lanes.ts";
export { type Fault, HopSampler, type Path, PathSampler, type SamplerOptions } from "./latency.ts";
export { type Measurement, measurementOf } from "./measurement.ts";
export { crossEntropy, MLP_NAMES, Mlp, type MlpOptions } from "./mlp.ts";
export {
  type AttentionKind,
  type AttentionShape,
  attentionBytes,
  attentionFlops,
  keptBytes,
  rowsRead,
} from "./models/attention.ts";
export { MODELS } from "./models/builtin.ts";
export { modelNamed } from "./models/index.ts";
export {
  distinctExperts,
  kvBytesOf,
  type ModelFigures,
  type ModelShape,
  type ModelTotals,
  shapeOf,
  totalsOf,
} from "./models/shape.ts";
export { OPTICS } from "./optics/builtin.ts";
export {
  type Evidence,
  type EvidenceGrade,
  measuredOptics,
  type Optics,
  type OpticsAround,
  type OpticsProfile,
  opticsNamed,
  opticsOf,
} from "./optics/index.ts";
export {
  type EventColumns,
  type LinkFaults,
  type LoadColumns,
  type Outage,
  Pacer,
  type PacerOptions,
} from "./pacing/index.ts";
export { exactPath, pathThreeSigma } from "./path.ts";
export { generateTraffic, type TrafficOptions, type TrafficPattern } from "./patterns.ts";
export { placeForBalance } from "./placement/balance.ts";
export type { BalanceAnswer, BalanceInfeasible, BalancePlan } from "./placement/balance-plan.ts";
export type { BalanceLimits, BalanceProblem, LoadScenario, PlanInForce } from "./placement/balance-problem.ts";
export type { Cluster, Tier } from "./placement/cluster.ts";
export { type ExpertCost, explainPlacement, type OtherPlace, type PlacementExplanation } from "./placement/explain.ts";
export { type PlanFit, planInForce } from "./placement/in-force.ts";
export {
  type LatencyPlacement,
  type PlacementStatus,
  type PlaceOptions,
  placeForLatency,
} from "./placement/latency.ts";
export type { Infeasible } from "./placement/obstacles.ts";
export type { Prices } from "./placement/price-search.ts";
export type { LatencyPlan, LatencyProblem, SparseDemand } from "./placement/problem.ts";
export { type BalanceTask, balancePlanOf, gpuLoadsOf, gpusOfSlots } from "./placement/slots.ts";
export { type PlanCheck, verifyPlacement } from "./placement/verify.ts";
export { type BalanceCheck, verifyBalance } from "./placement/verify-balance.ts";
export { type Axis, type Chart, driveChart, lineChart, prefetchChart, type Series, tailChart } from "./plot.ts";
export {
  type ClusterPower,
  comparePower,
  type OpticsPower,
  type PoweredCluster,
  type PowerOptions,
  type PowerReport,
  switchTbpsThatSaves,
} from "./power.ts";
export { predictionChart } from "./prediction/chart.ts";
export {
  type EvaluatedName,
  type EvaluationOptions,
  evaluatePredictors,
  type PredictionReport,
  type PredictorReport,
  type RouteOrigin,
} from "./prediction/evaluate.ts";
export type { Chosen } from "./prediction/history.ts";
export { PREDICTORS, Predictor, type PredictorName, type PredictorOptions } from "./prediction/index.ts";
export type { LearningStep } from "./prediction/learning.ts";
export type { Recalls, Reliability } from "./prediction/tally.ts";
export { type PrefetchOptions, type PrefetchReport, type PrefetchRow, simulatePrefetch } from "./prefetch/index.ts";
export { PREFETCH_POLICIES, type PrefetchPolicy } from "./prefetch/plan.ts";
export { type LoadTimes, type PrefetchCase, type PrefetchDecision, PrefetchRule } from "./prefetch/rule.ts";
export { RandomBits, type RandomOptions } from "./random.ts";
export {
  type BoardOptions,
  type BoardReport,
  type BoardUpkeep,
  boardReliability,
  RELIABILITY_EVIDENCE,
} from "./reliability.ts";
export {
  type CalibrateOptions,
  type Calibration,
  calibrateServing,
  compareServing,
  type FigureError,
  type ServingErrors,
  type TimeErrors,
} from "./requests/calibrate.ts";
export { servingChart } from "./requests/chart.ts";
export {
  type FabricServing,
  type FabricServingOptions,
  type StepOfBatch,
  servingOnFabric,
  TabledSteps,
} from "./requests/decoding.ts";
export { type ServingOptions, type ServingResult, simulateServing } from "./requests/index.ts";
export type { RequestTimes, ServingReport } from "./requests/report.ts";
export { checkRequests, type Requests, requestsOf, type ServedTimes } from "./requests/requests.ts";
export { type RankStep, RooflineSteps, type StepCosts, type StepOptions, type StepTimes } from "./requests/steps.ts";
export { type Accesses, accessesOf, gatherAccesses, streamAccesses } from "./residency/accesses.ts";
export { residencyChart } from "./residency/chart.ts";
export { nextUses } from "./residency/future.ts";
export { type GuideOptions, guideOf } from "./residency/guide.ts";
export { type ReplayOptions, Residency, type ResidencyOptions } from "./residency/index.ts";
export { type CacheOptions, type ExpertPlace, POLICIES, type Policy } from "./residency/policies.ts";
export type { HitReport, ResidencyReport } from "./residency/report.ts";
export {
  type RecencyCliff,
  type ResidencySweep,
  recencyCliff,
  replayResidency,
  type SweepOptions,
  streamResidency,
  sweepResidency,
} from "./residency/sweep.ts";
export { DoorbellDrain } from "./ring/drain.ts";
export { DoorbellRing } from "./ring/index.ts";
export { DOORBELL_WORDS } from "./ring/memory.ts";
export { type Efficiency, Roofline, type StepRoofline } from "./roofline.ts";
export { compareFit, type RouteFit, type WorkloadAgreement } from "./routes/agreement.ts";
export { type FitOptions, fitRoutes, type RouteStatistics, routeStatistics } from "./routes/fit.ts";
export {
  type GeneratedRoutes,
  type GenerateOptions,
  RouteGenerator,
  type RouteModel,
  type RouteState,
  type RouteWorkload,
} from "./routes/generate.ts";
export { ROUTE_MIX, ROUTE_MIX_EXPERT_BYTES } from "./routes/mix.ts";
export type { RouteRow } from "./routes/order.ts";
export { checkRoutes, NO_EXPERT, type Routes } from "./routes/routes.ts";
export { SimulatedTransport } from "./simulated.ts";
export { type DecodingResult, type RunOptions, simulateDecoding } from "./simulation/index.ts";
export { FENCES, type Fence } from "./simulation/memory.ts";
export { PREFETCHES, type Prefetch } from "./simulation/options.ts";
export type { OutageReport, OutageTimes } from "./simulation/outages.ts";
export {
  bindsWords,
  crossingWords,
  type DecodingPage,
  decodingPage,
  outageRows,
  outageWords,
  timeWords,
} from "./simulation/page.ts";
export {
  CAUSE_COLOURS,
  causesChart,
  type LateDoorbell,
  lateDoorbell,
  sensitivityChart,
  timelineChart,
} from "./simulation/pictures.ts";
export type {
  ColdShareInput,
  DecodingOptions,
  RoutedInput,
} from "./simulation/plan.ts";
export { CAUSES, type Cause, type DecodingReport, type Figure, type Times } from "./simulation/report.ts";
export { DECODING_EVIDENCE, resizedModel, sourceScenario } from "./simulation/scenario.ts";
export {
  decodingSensitivity,
  type SensitivityChange,
  type SensitivityOptions,
  type SensitivityReport,
  type SensitivityRow,
} from "./simulation/sensitivity.ts";
export {
  checkDecodingStudy,
  type DecodingStudy,
  type DecodingStudyOptions,
  type DecodingStudyRow,
  STATED_TPOT,
  type StatedTpot,
  studyDecoding,
} from "./simulation/study.ts";
export { type DecodingTimeline, type LayerSpan, type LoadSpan, timelineSpans } from "./simulation/timeline.ts";
export {
  boundDecoding,
  type DecodingBound,
  type DecodingObjective,
  type DecodingSlo,
  type DecodingVerdict,
  judgeDecoding,
  OBJECTIVES,
} from "./simulation/verdict.ts";
export { type MeanInterval, meanInterval, rankInterval, type ShareInterval, shareInterval } from "./statistics.ts";
export { type StudyOptions, type StudyRow, studyOptics } from "./study.ts";
export {
  type ClockCost,
  type Losses,
  measureTail,
  type TailOptions,
  type TailReport,
  type Transport,
} from "./tail.ts";
export { type ThreadOptions, ThreadTransport } from "./threads.ts";
export { checkTraffic, sortTraffic, type Traffic } from "./traffic.ts";
export { UdpEcho, type UdpEchoOptions, type UdpOptions, UdpTransport } from "./udp.ts";
export { duration, figure, percent } from "./words.ts";
