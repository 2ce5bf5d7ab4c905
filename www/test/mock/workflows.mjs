import { found, page } from "./http.mjs";

export const SETTINGS = {
  ladder: { kind: "auto", maxEdge: null },
  container: "fmp4",
  mode: "private",
  cipher: "aes-128-cbc",
  segmentSecs: 6,
  periodSegments: 10,
  clearLeadSecs: 0,
  audioBitRate: 128_000,
  preset: "veryfast",
  cover: { kind: "best" },
  sprites: { everySecs: 10, width: 142, height: 80 },
  publish: "auto",
};

const builtIn = (workflowId, name, settings = {}) => ({
  workflowId,
  name,
  settings: { ...SETTINGS, ...settings },
  builtIn: true,
});
const rungs = [
  { edge: 240, videoBitRate: 256_000 },
  { edge: 480, videoBitRate: 512_000 },
  { edge: 720, videoBitRate: 1_024_000 },
];

const BUILT_IN = [
  builtIn("adaptive", "Adaptive"),
  builtIn("adaptive-1080p", "Adaptive up to 1080p", { ladder: { kind: "auto", maxEdge: 1080 } }),
  builtIn("vod-compact", "Compact", { ladder: { kind: "rungs", rungs }, audioBitRate: 48_000 }),
  builtIn("original", "Original quality", { ladder: { kind: "copy" } }),
  builtIn("adaptive-ts", "Adaptive, MPEG-TS", { container: "ts" }),
  builtIn("clear", "Clear", { mode: "clear", cipher: null }),
];

const all = ({ data }) => [...BUILT_IN, ...data.workflows];

export const workflowRoutes = [
  ["GET", "/v1/workflows", (exchange) => page("workflows", all(exchange), exchange.query)],
  [
    "GET",
    "/v1/workflows/:workflowId",
    (exchange) =>
      found(
        all(exchange).find(({ workflowId }) => workflowId === exchange.names.workflowId),
        "workflow_not_found",
      ),
  ],
  ["GET", "/v1/apps", ({ data, query }) => page("apps", data.apps, query)],
  ["GET", "/v1/apps/:appId", ({ data, names }) => found(data.apps.find(({ appId }) => String(appId) === names.appId))],
];
