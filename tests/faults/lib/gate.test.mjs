// The gate itself: what is held is held, at the place where it should be.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { Gate } from "./gate.mjs";
import { open, send } from "./http.mjs";
import { until } from "./wait.mjs";

// More than sockets and streams keep by themselves.
const body = randomBytes(8_000_000);
let server;
let gate;
/** Bytes of each request that have reached the server, by its address. */
let received;

before(async () => {
  received = {};
  server = createServer((request, response) => {
    received[request.url] = 0;
    request.on("data", (chunk) => {
      received[request.url] += chunk.length;
    });
    request.on("error", () => null);
    request.on("end", () => response.end(`${received[request.url]}`));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  gate = await Gate.open(server.address().port);
});
after(async () => {
  await gate.close();
  server.close();
});

const put = (path) => send("PUT", `${gate.url}${path}`, { "content-length": body.length }, body);
const text = async (answer) => (await answer).bytes.toString();

test("passes on what is not held", async () => {
  gate.hold(/^PUT \/other$/);
  assert.equal(await text(put("/free")), `${body.length}`);
});

test("holds a request before it reaches the server", async () => {
  const hold = gate.hold(/^PUT \/request$/);
  const answer = put("/request");
  await hold.held;
  assert.equal(received["/request"], undefined);
  hold.release();
  assert.equal(await text(answer), `${body.length}`);
  assert.equal(await text(put("/request")), `${body.length}`, "and none after its release");
});

test("holds a request in its middle", async () => {
  const hold = gate.hold(/^PUT \/middle$/, "middle");
  const answer = put("/middle");
  await hold.held;
  await until("half of it to arrive", () => received["/middle"] === body.length / 2);
  hold.release();
  assert.equal(await text(answer), `${body.length}`);
});

test("holds an answer", async () => {
  const hold = gate.hold(/^PUT \/answer$/, "answer");
  const answer = put("/answer");
  await hold.held;
  assert.equal(received["/answer"], body.length);
  hold.release();
  assert.equal(await text(answer), `${body.length}`);
});

test("what was held for a client that is gone never reaches the server", async () => {
  const hold = gate.hold(/^PUT \/gone$/);
  const { request } = open("PUT", `${gate.url}/gone`, { "content-length": body.length });
  request.write(body.subarray(1));
  await hold.held;
  request.destroy();
  await until("the gate to notice", () => gate.clients === 0);
  hold.release();
  assert.equal(await text(put("/after")), `${body.length}`);
  assert.equal(received["/gone"], undefined);
});
