// A standard title made of a clear one by nothing but docs/DELIVERY.md: Node's crypto instead of our packager's.
import { createCipheriv, hkdfSync, randomBytes } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { reveal } from "./installation.mjs";

const CLASSES = ["AUDIO", "SD", "HD", "UHD"];

const derive = (key, ...info) => Buffer.from(hkdfSync("sha256", key, Buffer.alloc(0), Buffer.concat(info), 32));
const number = (value, bytes) => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
};
const label = (text) => Buffer.from(`${text}\0`);

/** The key of a period and the IV of a segment (docs/DELIVERY.md, "Standard mode"). */
export function standardKey(secret, { trackClass, rendition }, segment, periodSegments) {
  const period = Math.floor(segment / periodSegments);
  const placed = [number(CLASSES.indexOf(trackClass), 1), number(period, 4)];
  const periodKey = derive(secret, label("keyveil/v1/period-key"), ...placed);
  return {
    period,
    key: derive(periodKey, label("keyveil/v1/standard/key")).subarray(0, 16),
    iv: derive(periodKey, label("keyveil/v1/standard/iv"), number(rendition, 2), number(segment, 4)).subarray(0, 16),
  };
}

/** Registers `fileId` and publishes the media of the clear title `source` under its keys. */
export async function makeStandardTitle(keyveil, source, fileId) {
  const { psign } = await keyveil.api("POST", "/v1/player-signatures", { fileId: source });
  const played = await fetch(`${keyveil.origin}/v1/play`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ psign }),
  });
  const { title } = await played.json();
  const publicKey = randomBytes(32).toString("base64url");
  await keyveil.api("PUT", `/v1/titles/${fileId}`, { fileId, publicKey, name: "Standard", mode: "standard" });
  const { durationMs, container, segmentMs, periodSegments, segmentCount, renditions } = title;
  const media = { durationMs, container, segmentMs, periodSegments, segmentCount, renditions };
  await keyveil.api("POST", `/v1/titles/${fileId}/commit`, { publicKey, cipher: "aes-128-cbc", ...media });
  const folder = join(keyveil.data, "media", fileId);
  cpSync(join(keyveil.data, "media", source), folder, { recursive: true });
  const secret = Buffer.from(reveal(keyveil.data, fileId).titleSecret, "hex");
  for (const rendition of renditions) encrypt(folder, secret, rendition, periodSegments);
}

function encrypt(folder, secret, rendition, periodSegments) {
  const playlist = join(folder, rendition.playlist);
  let segment = 0;
  const lines = [];
  for (const line of readFileSync(playlist, "utf8").split("\n")) {
    if (line.startsWith("#EXTINF")) {
      const { period, iv } = standardKey(secret, rendition, segment, periodSegments);
      const uri = `keyveil:${rendition.trackClass}/${period}`;
      lines.push(`#EXT-X-KEY:METHOD=AES-128,URI="${uri}",IV=0x${iv.toString("hex")}`);
    } else if (line !== "" && !line.startsWith("#")) {
      const { key, iv } = standardKey(secret, rendition, segment, periodSegments);
      const path = join(dirname(playlist), line);
      const cipher = createCipheriv("aes-128-cbc", key, iv);
      writeFileSync(path, Buffer.concat([cipher.update(readFileSync(path)), cipher.final()]));
      segment++;
    }
    lines.push(line);
  }
  writeFileSync(playlist, lines.join("\n"));
}
