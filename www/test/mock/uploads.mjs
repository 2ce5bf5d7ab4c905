// tus 1.0: as much of it as tus-js-client uses.
import { addJob, blank, change, event } from "./data.mjs";
import { nowSecs, Refused } from "./http.mjs";

const raw = { raw: true };

export const uploadRoutes = [
  ["POST", "/v1/uploads", create, raw],
  ["HEAD", "/v1/uploads/:uploadId", head, raw],
  ["PATCH", "/v1/uploads/:uploadId", patch, raw],
  ["DELETE", "/v1/uploads/:uploadId", remove, raw],
];

function metadataOf(header) {
  const pairs = (header ?? "").split(",").map((pair) => pair.trim().split(" "));
  return Object.fromEntries(pairs.map(([key, value]) => [key, Buffer.from(value ?? "", "base64").toString()]));
}

function create({ data, app, request, response }) {
  const length = Number(request.headers["upload-length"]);
  const { filename = "", name, labels, workflowId } = metadataOf(request.headers["upload-metadata"]);
  const settings = data.apps.find(({ appId }) => appId === app);
  if (length > settings.uploadBytesMax) throw new Refused(413, "upload_too_large");
  const extension = filename.split(".").pop().toLowerCase();
  if (!settings.uploadTypes.includes(extension)) throw new Refused(415, "upload_type_not_allowed");
  const title = {
    ...blank(data, app, name || filename),
    fileName: filename,
    sizeBytes: length,
    workflowId: workflowId || "adaptive",
    labels: labels ? labels.split(",") : [],
  };
  data.titles.push(title);
  change(data, title, {});
  const upload = { uploadId: data.nextId("up"), title, length, offset: 0 };
  data.uploads.set(upload.uploadId, upload);
  request.resume();
  response.writeHead(201, {
    "Tus-Resumable": "1.0.0",
    Location: `/v1/uploads/${upload.uploadId}`,
    "Keyveil-File-Id": title.fileId,
  });
  response.end();
}

function uploadOf({ data, names }) {
  const upload = data.uploads.get(names.uploadId);
  if (upload === undefined) throw new Refused(410, "upload_gone");
  return upload;
}

function head(exchange) {
  const { offset, length, title } = uploadOf(exchange);
  const headers = {
    "Tus-Resumable": "1.0.0",
    "Upload-Offset": offset,
    "Upload-Length": length,
    "Keyveil-File-Id": title.fileId,
    "Cache-Control": "no-store",
  };
  exchange.response.writeHead(200, headers).end();
}

async function patch(exchange) {
  const upload = uploadOf(exchange);
  const { data, request, response } = exchange;
  if (Number(request.headers["upload-offset"]) !== upload.offset) throw new Refused(409, "upload_offset");
  for await (const chunk of request) {
    upload.offset += chunk.length;
    if (data.uploadBytesPerSec)
      await new Promise((go) => setTimeout(go, (chunk.length / data.uploadBytesPerSec) * 1000));
  }
  if (upload.offset === upload.length) complete(data, upload);
  else change(data, upload.title, { percent: (upload.offset / upload.length) * 100 });
  response.writeHead(204, { "Tus-Resumable": "1.0.0", "Upload-Offset": upload.offset }).end();
}

function complete(data, { uploadId, title }) {
  data.uploads.delete(uploadId);
  data.events.unshift(event(data, title, "upload.completed", nowSecs(), {}));
  addJob(data, title, "queued");
  change(data, title, { state: "queued", percent: null });
}

function remove(exchange) {
  const { data, response } = exchange;
  const { uploadId, title } = uploadOf(exchange);
  data.uploads.delete(uploadId);
  change(data, title, { state: "deleted" });
  response.writeHead(204, { "Tus-Resumable": "1.0.0" }).end();
}
