import { found, nowSecs, page } from "./http.mjs";

const named = ({ data, names }) => found(data.workers.find(({ workerId }) => workerId === names.workerId));

export const workerRoutes = [
  ["GET", "/v1/workers", ({ data, query }) => page("workers", data.workers, query)],
  ["POST", "/v1/workers/:workerId/drain", (exchange) => setDrain(named(exchange), true)],
  ["POST", "/v1/workers/:workerId/undrain", (exchange) => setDrain(named(exchange), false)],
];

function setDrain(worker, drain) {
  const state = worker.state === "offline" ? "offline" : drain ? "draining" : "online";
  return Object.assign(worker, { drain, state });
}

const worker = (workerId, name, more = {}) => ({
  workerId,
  name,
  version: "0.1.0",
  protocolVersion: 2,
  state: "online",
  drain: false,
  cpus: 16,
  memoryBytes: 67_108_864_000,
  jobsMax: 2,
  kinds: ["package", "reencrypt"],
  encoders: ["libx264"],
  jobsRunning: 0,
  jobs: [],
  startedAt: nowSecs() - 86_400,
  lastSeenAt: nowSecs() - 3,
  ...more,
});

/** One of each state, with and without jobs, encoders and ffmpeg. */
export const workersData = () => [
  worker("5f2b0c91d7e4a836", "rack-7", {
    encoders: ["libx264", "h264_nvenc"],
    jobsRunning: 2,
    jobs: [
      { jobId: "j1", fileId: "f10000", kind: "package", percent: 42.5 },
      { jobId: "j2", fileId: "f10002", kind: "reencrypt", percent: null },
    ],
  }),
  worker("a01c44be9035d2f7", "rack-8", {
    state: "draining",
    drain: true,
    jobsRunning: 1,
    version: "0.2.0-rc.1",
    cpus: 128,
  }),
  worker("local", "this server’s own", { cpus: 4, jobsMax: 1, memoryBytes: null, kinds: ["reencrypt"], encoders: [] }),
  worker("73dd81f0c2b96ea4", "render-farm-eu-west-node-0017", { state: "offline", lastSeenAt: nowSecs() - 7200 }),
];
