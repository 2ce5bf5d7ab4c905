import { addJob, blank, change } from "./data.mjs";
import { found, nowSecs, page, Refused } from "./http.mjs";

const own = ({ data, app }) => data.titles.filter(({ appId, state }) => appId === app && state !== "deleted");
const named = (exchange) =>
  found(
    own(exchange).find(({ fileId }) => fileId === exchange.names.fileId),
    "title_not_found",
  );

export const titleRoutes = [
  ["GET", "/v1/titles", listTitles],
  ["POST", "/v1/titles", createTitle],
  ["GET", "/v1/titles/:fileId", (exchange) => detail(named(exchange))],
  ["PATCH", "/v1/titles/:fileId", patchTitle],
  ["DELETE", "/v1/titles/:fileId", (exchange) => void change(exchange.data, named(exchange), { state: "deleted" })],
  ["POST", "/v1/titles/:fileId/publish", act("ready", () => ({ state: "published", publishedAt: nowSecs() }))],
  ["POST", "/v1/titles/:fileId/unpublish", act("published", () => ({ state: "ready", publishedAt: null }))],
  ["POST", "/v1/titles/:fileId/retry", retry],
  ["POST", "/v1/titles/:fileId/reencrypt", reencrypt],
  ["GET", "/v1/titles/:fileId/periods", periods],
];

function listTitles(exchange) {
  const { query } = exchange;
  const search = (query.get("search") ?? "").toLowerCase();
  const states = query.getAll("state");
  const labels = query.getAll("label");
  const sort = query.get("sort") ?? "-createdAt";
  const field = sort.replace("-", "");
  const fits = (title) =>
    [title.name, title.description, title.fileId].some((text) => text.toLowerCase().includes(search)) &&
    (states.length === 0 || states.includes(title.state)) &&
    (labels.length === 0 || labels.some((label) => title.labels.includes(label)));
  const order = (a, b) => {
    const [x, y] = [a[field] ?? -1, b[field] ?? -1];
    return (x < y ? -1 : x > y ? 1 : 0) * (sort.startsWith("-") ? -1 : 1);
  };
  return page("titles", own(exchange).filter(fits).sort(order), query);
}

function createTitle({ data, app, body, request, response }) {
  if (!/^https?:\/\/[^/]+\./.test(body.url ?? "")) throw new Refused(400, "url_refused", "url");
  const key = request.headers["idempotency-key"];
  const before = data.created.get(key);
  if (before !== undefined) return before;
  const name = body.name ?? body.url.split("/").pop() ?? "untitled";
  const title = { ...blank(data, app, name), labels: body.labels ?? [], sizeBytes: 210_000_000, fileName: name };
  data.titles.push(title);
  data.created.set(key, title);
  change(data, title, { percent: 12 });
  response.writeHead(201, { "Content-Type": "application/json" }).end(JSON.stringify(title));
}

function patchTitle(exchange) {
  const { name, description, labels } = exchange.body;
  if (name === "") throw new Refused(400, "malformed_request", "name: 1 to 256 characters");
  const changes = Object.fromEntries(
    Object.entries({ name, description, labels }).filter(([, value]) => value !== undefined),
  );
  return detail(change(exchange.data, named(exchange), changes));
}

function act(from, changes) {
  return (exchange) => {
    const title = named(exchange);
    if (title.state !== from) throw new Refused(409, "title_state");
    return change(exchange.data, title, changes());
  };
}

function retry(exchange) {
  const title = named(exchange);
  if (title.state !== "failed") throw new Refused(409, "title_state");
  addJob(exchange.data, title, "queued");
  return change(exchange.data, title, { state: "queued", failure: null });
}

function reencrypt(exchange) {
  const title = named(exchange);
  if (title.version === null || title.job !== null) throw new Refused(409, "title_state");
  addJob(exchange.data, title, "queued", "reencrypt");
  return change(exchange.data, title, {});
}

function periods(exchange) {
  const title = named(exchange);
  const count = title.durationMs === null ? 0 : Math.min(12, Math.ceil(title.durationMs / 60_000));
  const rows = ["AUDIO", "SD", "HD"].flatMap((trackClass, at) =>
    Array.from({ length: count }, (_, period) => ({
      trackClass,
      period,
      count: Math.max(1, Math.round((320 - period * 21) / (at + 1))),
      firstAt: title.createdAt + 1500 + period * 60,
      lastAt: nowSecs() - 300 - period * 47,
    })),
  );
  return page("periods", title.publishedAt === null ? [] : rows, exchange.query);
}

function detail(title) {
  const done = title.version !== null;
  const versions = Array.from({ length: title.version ?? 0 }, (_, at) => ({
    version: at + 1,
    current: at + 1 === title.version,
    container: "fmp4",
    cipher: title.mode === "private" ? "aes-128-cbc" : null,
    segmentMs: 6000,
    periodSegments: 10,
    storedBytes: title.storedBytes,
    createdAt: title.createdAt + 60 + at * 40_000,
    committedAt: title.createdAt + 900 + at * 40_000,
  }));
  return { ...title, renditions: done ? renditions(title) : [], versions: versions.reverse() };
}

function renditions({ durationMs }) {
  const segmentCount = Math.ceil(durationMs / 6000);
  const video = (rendition, name, trackClass, width, height, bandwidth) => {
    const codecs = "avc1.640028";
    return {
      rendition,
      kind: "video",
      trackClass,
      name,
      language: null,
      width,
      height,
      bandwidth,
      codecs,
      playlist: "playlist.m3u8",
      segmentCount,
    };
  };
  return [
    video(0, "1080p", "HD", 1920, 1080, 2_950_000),
    video(1, "720p", "HD", 1280, 720, 1_320_000),
    video(2, "480p", "SD", 854, 480, 690_000),
    {
      rendition: 3,
      kind: "audio",
      trackClass: "AUDIO",
      name: "English",
      language: "en",
      width: null,
      height: null,
      bandwidth: 131_000,
      codecs: "mp4a.40.2",
      playlist: "playlist.m3u8",
      segmentCount,
    },
  ];
}
