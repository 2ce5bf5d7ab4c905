// A worker by hand: claims a job and does with its token what a test wants done.
import { createHash, randomBytes } from "node:crypto";
import { x25519 } from "../../vectors/independent.mjs";
import { Api, send } from "./http.mjs";

/** What a worker might have made of two seconds. */
const MEDIA = {
  durationMs: 2000,
  container: "fmp4",
  cipher: "aes-128-cbc",
  segmentMs: 1000,
  periodSegments: 4,
  segmentCount: 2,
  renditions: [
    {
      rendition: 0,
      kind: "video",
      trackClass: "SD",
      name: "144p",
      language: null,
      width: 256,
      height: 144,
      bandwidth: 200_000,
      codecs: "avc1.64000c",
      playlist: "v144p/playlist.m3u8",
      segmentCount: 2,
    },
  ],
};

export function askForJob(stack, key) {
  const publicKey = x25519(randomBytes(32)).publicBytes.toString("base64url");
  return new Api(stack.url, key).ask("POST", "/v1/jobs/claim", { publicKey, worker: "by hand", waitSecs: 0 });
}

/** The claim's answer, and every request that it allows. */
export async function claimByHand(stack, key) {
  const answer = await askForJob(stack, key);
  if (answer.status !== 200) throw new Error(`a claim was answered ${answer.status} ${answer.bytes}`);
  const claimed = answer.json();
  const api = new Api(stack.url, claimed.token);
  const path = `/v1/jobs/${claimed.jobId}`;
  const bytes = Buffer.from("#EXTM3U\n");
  const keyveilSha256 = createHash("sha256").update(bytes).digest("hex");
  return {
    ...claimed,
    heartbeat: () => api.ask("POST", `${path}/heartbeat`, { stage: "transcoding", percent: 1, leftSecs: 1, speed: 1 }),
    put: (name) =>
      send(
        "PUT",
        `${stack.url}${path}/media/${name}`,
        { ...api.authorization, "content-length": bytes.length, "keyveil-sha256": keyveilSha256 },
        bytes,
      ),
    source: () => api.ask("GET", `${path}/source`, undefined, { range: "bytes=0-9" }),
    complete: () => api.ask("POST", `${path}/complete`, { media: MEDIA, cover: null, sprites: null }),
    fail: () => api.ask("POST", `${path}/fail`, { code: "late", message: "Too late.", retryable: true }),
  };
}
