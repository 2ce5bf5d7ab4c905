// One small workflow for all fault tests: a single small rung, short segments, cover and sprites.

export const SETTINGS = {
  ladder: { kind: "rungs", rungs: [{ edge: 144, videoBitRate: 200_000 }] },
  container: "fmp4",
  mode: "private",
  cipher: "aes-128-cbc",
  segmentSecs: 1,
  periodSegments: 4,
  audioBitRate: 64_000,
  preset: "ultrafast",
  cover: { kind: "best" },
  sprites: { everySecs: 2, width: 142, height: 80 },
  publish: "auto",
};

/** Makes a workflow and answers its id. */
export async function makeWorkflow(stack, settings = {}) {
  const made = await stack.api.post("/v1/workflows", { name: "faults", settings: { ...SETTINGS, ...settings } });
  return made.workflowId;
}
