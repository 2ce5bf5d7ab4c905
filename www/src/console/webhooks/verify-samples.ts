import type { Sample } from "../ui/code.tsx";

/** How a receiver checks a delivery (docs/WORKFLOW.md, "Events"), with nothing but what each language brings along. */
export const VERIFY_SAMPLES: readonly Sample[] = [
  {
    name: "Node.js",
    code: `import { createHmac, timingSafeEqual } from "node:crypto";

const secret = Buffer.from(process.env.KEYVEIL_WEBHOOK_SECRET.replace("whsec_", ""), "base64");

// body: the raw bytes as they came in, before any JSON parser
export function isFromKeyveil(headers, body) {
  const id = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"];
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false; // too old: a replay
  const expected = createHmac("sha256", secret).update(\`\${id}.\${timestamp}.\`).update(body).digest();
  return headers["webhook-signature"].split(" ").some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}`,
  },
  {
    name: "Python",
    code: `import base64, hashlib, hmac, os, time

secret = base64.b64decode(os.environ["KEYVEIL_WEBHOOK_SECRET"].removeprefix("whsec_"))

# body: the raw bytes as they came in, before any JSON parser
def is_from_keyveil(headers, body: bytes) -> bool:
    event_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > 300:  # too old: a replay
        return False
    signed = f"{event_id}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return any(
        hmac.compare_digest(signature.removeprefix("v1,"), expected)
        for signature in headers["webhook-signature"].split(" ")
    )`,
  },
];
