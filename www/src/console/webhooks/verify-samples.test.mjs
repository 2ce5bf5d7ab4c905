// The samples are run as they are shown: Node's here, Python's where there is one.
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { VERIFY_SAMPLES } from "./verify-samples.ts";

const secret = Buffer.alloc(32, 7);
const text = `whsec_${secret.toString("base64")}`;
const body = '{"eventId":"e1","type":"title.published"}';
const now = Math.floor(Date.now() / 1000);
const signature = (at, of) => `v1,${createHmac("sha256", secret).update(`e1.${at}.${of}`).digest("base64")}`;
const headers = (at, signed) => ({
  "webhook-id": "e1",
  "webhook-timestamp": String(at),
  "webhook-signature": `v1,AAAA ${signed}`,
});
const deliveries = [
  { headers: headers(now, signature(now, body)), body, genuine: true },
  { headers: headers(now, signature(now, `${body} `)), body, genuine: false },
  { headers: headers(now - 900, signature(now - 900, body)), body, genuine: false },
  { headers: headers(now, "v1,short"), body, genuine: false },
];
const genuine = deliveries.map((delivery) => delivery.genuine);
const sample = (name) => VERIFY_SAMPLES.find((one) => one.name === name)?.code ?? "";
const run = (program, args) =>
  JSON.parse(execFileSync(program, args, { env: { ...process.env, KEYVEIL_WEBHOOK_SECRET: text }, encoding: "utf8" }));

test("the sample for Node.js tells genuine deliveries from others", () => {
  const code = `${sample("Node.js")}
    console.log(JSON.stringify(${JSON.stringify(deliveries)}.map((one) => isFromKeyveil(one.headers, Buffer.from(one.body)))));`;
  expect(run(process.execPath, ["--input-type=module", "-e", code])).toEqual(genuine);
});

test("the sample for Python tells genuine deliveries from others", () => {
  const code = `${sample("Python")}
import json
print(json.dumps([is_from_keyveil(one["headers"], one["body"].encode()) for one in json.loads('''${JSON.stringify(deliveries).replaceAll("\\", "\\\\")}''')]))`;
  expect(run("python3", ["-c", code])).toEqual(genuine);
});
