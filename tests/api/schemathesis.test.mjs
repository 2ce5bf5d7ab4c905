// The OpenAPI document is valid, and no request that schemathesis makes of it, good or bad, is answered by a 5xx.
//
// An installation with data of each kind is asked by everyone who may ask: an application's API key with every scope, a worker
// that holds a job, a person. Left out is only what would end the run itself, as said at each run.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeClip } from "../e2e/lib/clips.mjs";
import { Api, send } from "../faults/lib/http.mjs";
import { isAlive } from "../faults/lib/processes.mjs";
import { Stack } from "../faults/lib/stack.mjs";
import { Upload } from "../faults/lib/tus.mjs";
import { until } from "../faults/lib/wait.mjs";
import { claimByHand } from "../faults/lib/worker.mjs";
import { makeWorkflow } from "../faults/lib/workflow.mjs";
import { ask, invalidities } from "./lib/schemathesis.mjs";

/** Never ends by itself: a stream. */
const ENDLESS = ["GET /v1/changes"];
const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

let stack;
let receiver;
let known;
let claimed;
let beating;
let names;

before(async () => {
  // Webhooks go to a receiver of this test.
  stack = await Stack.start({ settings: { KEYVEIL_FETCH_ALLOW_PRIVATE: "true" } });
  receiver = createServer((request, response) => request.resume().on("end", () => response.writeHead(204).end()));
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  known = await makeData();
  const document = (await send("GET", `${stack.url}/v1/openapi.json`)).json();
  names = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((method) => METHODS.includes(method))
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
});

after(async () => {
  clearInterval(beating);
  await stack.stop();
  receiver.close();
});

/** A published title, one that waits, a webhook with a delivery, a workflow, keys; and the ids of all of them. */
async function makeData() {
  const source = readFileSync(makeClip(stack.folder, "mp4", { secs: 2, size: "320x180" }));
  const webhook = await stack.api.post("/v1/webhooks", {
    url: `http://127.0.0.1:${receiver.address().port}/`,
    types: [],
  });
  const workflowId = await makeWorkflow(stack);
  const uploaded = async (name) => {
    const upload = await Upload.create(stack.api, source, { filename: "clip.mp4", name, labels: "a,b", workflowId });
    await upload.finish();
    return upload.fileId;
  };
  // Held by hand before there is a worker: a worker's last claim, still waiting at the server, would take it with it.
  await uploaded("Waiting");
  claimed = await claimByHand(stack, stack.workerKey);
  await claimed.heartbeat();
  beating = setInterval(() => claimed.heartbeat().catch(() => null), 5000);
  const fileId = await uploaded("Published");
  const worker = stack.startWorker();
  await stack.reached(fileId, "published");
  process.kill(worker.pid, "SIGTERM");
  await worker.ended;
  const open = await Upload.create(stack.api, source, { filename: "clip.mp4", name: "Open" });
  const deliveries = () => stack.api.all(`/v1/webhooks/${webhook.webhookId}/deliveries`, "deliveries");
  const [delivery] = await until("a delivery", async () => (await deliveries()).length > 0 && (await deliveries()));
  const [event] = await stack.api.all("/v1/events", "events");
  const apiKey = await stack.api.post("/v1/api-keys", { name: "other", scopes: ["read"] });
  const signingKey = await stack.api.post("/v1/signing-keys");
  return {
    appId: String(stack.appId),
    fileId,
    uploadId: new URL(open.url).pathname.split("/").at(-1),
    workflowId,
    jobId: (await stack.jobs(fileId))[0].jobId,
    webhookId: webhook.webhookId,
    deliveryId: delivery.deliveryId,
    eventId: event.eventId,
    apiKeyId: apiKey.apiKeyId,
    kid: signingKey.kid,
  };
}

const deletes = () => names.filter((name) => name.startsWith("DELETE "));
const bearer = (key) => ({ Authorization: `Bearer ${key}` });

/** One run, and a case for each operation: `accepts` are those that must have been answered well at least once. */
async function run(t, name, { accepts, include = null, exclude = [], ...options }) {
  const folder = join(stack.folder, name);
  const left = new Set([...ENDLESS, ...exclude]);
  const expected = (include ?? names).filter((operation) => !left.has(operation));
  const missing = accepts.filter((operation) => !expected.includes(operation));
  assert.deepEqual(missing, [], "the document has them");
  assert.notEqual(expected.length, 0);
  const asked = await ask({ folder, url: stack.url, operations: expected, ...options });
  await t.test("every operation was asked", () => {
    assert.ok(asked.complete, asked.output);
    assert.deepEqual(asked.operations.map((operation) => operation.name).sort(), [...expected].sort());
  });
  for (const operation of asked.operations) {
    await t.test(operation.name, () => {
      assert.equal(operation.failure, null, `${operation.failure}\n${stack.log}`);
      if (accepts.includes(operation.name)) assert.ok(asked.accepted[operation.name] > 0, "it was never answered well");
    });
  }
  await t.test("the server is the same process and answers", async () => {
    assert.ok(isAlive(stack.serverPid));
    assert.equal((await send("GET", `${stack.url}/readyz`)).status, 200);
  });
}

test("the document is valid", async () => {
  const file = join(stack.folder, "openapi.json");
  const document = (await send("GET", `${stack.url}/v1/openapi.json`)).bytes;
  writeFileSync(file, document);
  assert.equal(await invalidities(file), "");
  const broken = JSON.parse(document);
  broken.paths["/v1/broken"] = { get: { responses: "none" } };
  writeFileSync(file, JSON.stringify(broken));
  assert.notEqual(await invalidities(file), "", "and one that is not valid is noticed");
});

test("an API key of all scopes, on what there is", async (t) => {
  // What is deleted has its own run, after this one.
  const lists = ["api-keys", "audit", "events", "jobs", "sessions", "signing-keys", "titles", "webhooks", "workflows"];
  const accepts = lists.map((name) => `GET /v1/${name}`).concat("GET /v1/titles/{fileId}", "GET /v1/jobs/{jobId}");
  await run(t, "known", { headers: bearer(stack.apiKey), known, exclude: deletes(), accepts, examples: 15 });
});

test("an API key of all scopes, on what there is not", async (t) => {
  await run(t, "unknown", { headers: bearer(stack.apiKey), accepts: [], examples: 8 });
});

test("a worker that holds a job", async (t) => {
  assert.equal((await claimed.heartbeat()).status, 200, "nobody else has taken it meanwhile");
  // Failing gives the job back; it is asked last, by hand.
  const include = names.filter((name) => name.includes("/v1/jobs/{jobId}/") && !name.endsWith("/fail"));
  const accepts = ["POST /v1/jobs/{jobId}/heartbeat"];
  const headers = bearer(claimed.token);
  await run(t, "job", {
    headers,
    known: { jobId: claimed.jobId, path: "v144p/seg-00000.m4s" },
    include,
    accepts,
    examples: 15,
  });
  clearInterval(beating);
  assert.equal((await claimed.fail()).status, 204, "it has held the job all the time");
});

test("a person", async (t) => {
  const [, password] = /^password: (\S+)$/m.exec(await stack.keyServer("user", "create", "--name", "owner"));
  const from = { Origin: stack.url, "Keyveil-App": String(stack.appId) };
  const api = new Api(stack.url, "");
  const answer = await api.ask("POST", "/v1/sign-in", { name: "owner", password }, from);
  assert.equal(answer.status, 200, `${answer.bytes}`);
  const headers = { ...from, Cookie: answer.headers["set-cookie"].map((cookie) => cookie.split(";")[0]).join("; ") };
  // Both end the session that asks.
  const exclude = ["POST /v1/sign-out", "POST /v1/me/password"];
  await run(t, "person", { headers, known, exclude: [...exclude, ...deletes()], accepts: ["GET /v1/me"], examples: 5 });
});

test("an API key of all scopes, deleting what there is", async (t) => {
  await run(t, "deletes", { headers: bearer(stack.apiKey), known, include: deletes(), accepts: [], examples: 5 });
});
