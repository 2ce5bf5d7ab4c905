import { change } from "./data.mjs";
import { found, nowSecs, page } from "./http.mjs";

const named = ({ data, names }) => found(data.jobs.find(({ jobId }) => jobId === names.jobId));

export const jobRoutes = [
  ["GET", "/v1/jobs", list],
  ["GET", "/v1/jobs/:jobId", named],
  ["GET", "/v1/jobs/:jobId/log", log],
  ["POST", "/v1/jobs/:jobId/cancel", cancel],
  ["PATCH", "/v1/jobs/:jobId", (exchange) => Object.assign(named(exchange), { priority: exchange.body.priority })],
];

function list({ data, query }) {
  const fileId = query.get("fileId");
  const states = query.getAll("state");
  const fits = (job) => (!fileId || job.fileId === fileId) && (states.length === 0 || states.includes(job.state));
  return page("jobs", data.jobs.filter(fits), query);
}

function log(exchange) {
  const job = named(exchange);
  const after = Number(exchange.query.get("after") ?? 0);
  const lines = exchange.data.logs.get(job.jobId).filter(({ seq }) => seq > after);
  const open = job.state === "queued" || job.state === "running";
  return { lines, next: open ? String(lines.at(-1)?.seq ?? after) : null };
}

function cancel(exchange) {
  const job = named(exchange);
  Object.assign(job, { state: "cancelled", stage: null, percent: null, leftSecs: null, finishedAt: nowSecs() });
  const title = exchange.data.titles.find(({ fileId }) => fileId === job.fileId);
  const failure = { code: "cancelled", message: "the job was cancelled" };
  const changes =
    job.kind === "reencrypt" ? { job: null } : { state: "failed", job: null, failure, percent: null, leftSecs: null };
  change(exchange.data, title, changes);
  return job;
}
