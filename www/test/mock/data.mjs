import { adminData } from "./admin-data.mjs";
import { nowSecs } from "./http.mjs";
import { Simulation } from "./simulation.mjs";
import { workersData } from "./workers.mjs";

const SUBJECTS = [
  "Glacier",
  "Harbour",
  "Kiln",
  "Orchard",
  "Night train",
  "Delta",
  "Workshop",
  "Lighthouse",
  "Meadow",
  "Foundry",
  "Observatory",
];
const KINDS = [
  "an introduction",
  "part two",
  "interview",
  "field notes",
  "the long version",
  "trailer",
  "lesson 4",
  "behind the scenes",
];
const LABELS = ["course", "trailer", "interview", "2026", "internal", "summer campaign"];
const STATES = [
  "published",
  "published",
  "ready",
  "published",
  "failed",
  "transcoding",
  "published",
  "queued",
  "published",
  "encrypting",
];
const FAILURES = [
  { code: "source_unreadable", message: "moov atom not found: the file was cut off" },
  { code: "codec_unknown", message: "this ffmpeg can't decode the video codec prores_raw; convert the file first" },
  { code: "worker_lost", message: "the worker stopped answering in each of 5 attempts" },
];

/** All that the stand-in knows. */
export function makeData({ titles, simulate }) {
  const now = nowSecs();
  const data = {
    user: { userId: "u_owner", name: "owner" },
    password: "correct horse battery",
    signedIn: false,
    wrongSignIns: 0,
    apps: [app(1000001, "App 1", now), app(1000002, "App 2", now)],
    titles: [],
    uploads: new Map(),
    jobs: [],
    logs: new Map(),
    events: [],
    ...adminData(),
    workers: workersData(),
    streams: new Set(),
    created: new Map(),
    seq: 0,
    ids: 0,
    nextId(kind) {
      data.ids += 1;
      return `${kind}-${String(data.ids).padStart(4, "0")}`;
    },
    nextSeq() {
      data.seq += 1;
      return data.seq;
    },
    close() {
      simulation?.stop();
      for (const stream of data.streams) stream.response.end();
    },
  };
  for (let at = titles - 1; at >= 0; at -= 1) data.titles.push(title(data, at, now));
  const simulation = simulate ? new Simulation(data) : null;
  return data;
}

function app(appId, name, now) {
  const uploadTypes = "mp4,m4v,mov,mkv,webm,avi,ts".split(",");
  return {
    appId,
    name,
    domains: ["example.com", "*.example.com"],
    maxAgeSecs: 86400,
    defaultWorkflowId: null,
    uploadBytesMax: 100_000_000_000,
    uploadTypes,
    minLevel: "standard",
    belowMinLevel: "refuse",
    createdAt: now - 90 * 86400,
  };
}

function title(data, at, now) {
  const state = STATES[at % STATES.length];
  const name = `${SUBJECTS[at % SUBJECTS.length]}: ${KINDS[(at * 3) % KINDS.length]}`;
  const createdAt = now - at * 7300 - 240;
  const done = state === "published" || state === "ready";
  const running = state === "transcoding" || state === "encrypting";
  const percent = state === "transcoding" ? 41.7 : state === "encrypting" ? 97 : null;
  const made = {
    ...blank(data, 1000001, name),
    fileId: `f${String(10_000 + at)}`,
    description: at % 3 === 0 ? "Cut of the spring edition, graded and mixed." : "",
    labels: LABELS.filter((_, label) => (at * 5 + label * 3) % 7 === 0).slice(0, 3),
    mode: at % 9 === 8 ? "clear" : "private",
    state,
    percent,
    leftSecs: running ? 60 + (at % 5) * 95 : null,
    failure: state === "failed" ? FAILURES[((at / 10) % FAILURES.length) | 0] : null,
    version: done ? 1 + (at % 2) : null,
    durationMs: done || running ? 61_000 + ((at * 377) % 5400) * 1000 : null,
    sizeBytes: 48_000_000 + ((at * 7919) % 4000) * 1_000_000,
    storedBytes: done ? 31_000_000 + ((at * 6151) % 3000) * 1_000_000 : null,
    fileName: `${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.mp4`,
    createdAt,
    updatedAt: createdAt + 900,
    publishedAt: state === "published" ? createdAt + 1200 : null,
  };
  if (done) {
    made.coverUrl = `/media/${made.fileId}/cover.svg`;
    made.spritesUrl = `/media/${made.fileId}/sprites.vtt`;
  }
  addJob(data, made, done ? "done" : state === "failed" ? "failed" : state === "queued" ? "queued" : "running");
  data.events.push(
    event(data, made, "upload.completed", createdAt + 30, {}),
    event(data, made, "title.processing", createdAt + 40, { state: "queued" }),
  );
  if (state === "published")
    data.events.push(event(data, made, "title.published", createdAt + 1200, { version: made.version }));
  return made;
}

/** A title of which nothing is known yet. */
export function blank(data, appId, name) {
  const at = nowSecs();
  return {
    fileId: data.nextId("f"),
    appId,
    name,
    description: "",
    labels: [],
    mode: "private",
    state: "uploading",
    percent: 0,
    leftSecs: null,
    failure: null,
    workflowId: "adaptive",
    version: null,
    durationMs: null,
    sizeBytes: null,
    storedBytes: null,
    fileName: null,
    coverUrl: null,
    spritesUrl: null,
    job: null,
    createdAt: at,
    updatedAt: at,
    publishedAt: null,
    changeSeq: data.nextSeq(),
  };
}

/** Makes a job for a title and a log for the job. */
export function addJob(data, title, state, kind = "package") {
  const started = state === "queued" ? null : title.createdAt + 60;
  const job = {
    jobId: `j${String(10_000 + data.jobs.length)}`,
    fileId: title.fileId,
    kind,
    state,
    priority: 0,
    attempt: state === "queued" ? 0 : 1,
    version: state === "queued" ? null : 1,
    worker: state === "queued" ? null : "this server",
    stage: state === "running" ? (title.state === "encrypting" ? "encrypting" : "transcoding") : null,
    percent: state === "running" ? title.percent : state === "done" ? 100 : null,
    leftSecs: state === "running" ? title.leftSecs : null,
    speed: state === "running" ? 3.4 : null,
    failure: state === "failed" ? title.failure : null,
    settings: null,
    runAfter: title.createdAt + 40,
    leaseExpiresAt: state === "running" ? nowSecs() + 30 : null,
    createdAt: title.createdAt + 40,
    startedAt: started,
    finishedAt: state === "done" || state === "failed" ? title.createdAt + 900 : null,
  };
  data.jobs.unshift(job);
  const { jobId, attempt, percent } = job;
  title.job = state === "queued" || state === "running" ? { jobId, kind, state, percent, attempt } : null;
  data.logs.set(jobId, started === null ? [] : firstLines(started, title));
  return job;
}

function firstLines(at, { failure }) {
  const texts = [
    "attempt 1 on this server",
    "source: h264 3840×2160 25 fps, aac stereo 48 kHz, 16 min 20 s",
    "ladder: 2160p 6144k, 1080p 2500k, 720p 1024k, 480p 512k, audio 128k",
    "transcoding: 12.0%, 3.1× speed",
    "transcoding: 41.7%, 3.4× speed",
  ];
  if (failure) texts.push(`failed: ${failure.code}: ${failure.message}`);
  return texts.map((line, seq) => ({ seq: seq + 1, at: at + seq * 9, line }));
}

export function event(data, { fileId, appId }, type, at, detail) {
  return { eventId: data.nextId("e"), type, at, appId, fileId, data: detail };
}

/** Changes a title, gives it a new sequence number and tells every open stream. */
export function change(data, title, changes) {
  Object.assign(title, changes, { updatedAt: nowSecs(), changeSeq: data.nextSeq() });
  if (changes.state !== undefined)
    data.events.unshift(event(data, title, "title.processing", title.updatedAt, { state: changes.state }));
  for (const stream of data.streams) stream.tell(title);
  return title;
}
