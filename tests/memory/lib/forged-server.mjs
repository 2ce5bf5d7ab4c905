// A key server of the test's own: it makes grants by the independent implementation, so that it knows every secret of theirs.
import { createHmac } from "node:crypto";
import * as own from "../../vectors/independent.mjs";

export const FILE_ID = "title-1";
const SESSION_ID = Buffer.alloc(16, 0xa5).fill("session", 0, 7);
const HD = 2;
const CLASS_NUMBER_HD = 2;
const CLASSES = ["AUDIO", "HD"];
const bytes = (label) => createHmac("sha256", "memory test").update(label).digest();

export const SERVER = own.x25519FromBytes(bytes("server key"));
export const BUILD_SECRET = bytes("build secret");
export const SDK_BUILD = {
  buildId: "build-1",
  buildSecret: BUILD_SECRET.toString("hex"),
  serverKeys: [{ id: "server-1", publicKey: SERVER.publicBytes.toString("hex") }],
};

export const TITLE_SECRET = bytes("title secret");
export const MAC_KEY = bytes("mac key");
/** No secret: the module keeps it as it is, so a search that works finds it. */
export { SESSION_ID };

export const periodKey = (trackClass, period) => own.periodKey(TITLE_SECRET, trackClass, period);
export const CHUNKED = "chacha20-poly1305";
export const segmentKey = (segment, period, cipher) => own.segmentKey(periodKey("HD", period), HD, segment, cipher);
export const reference = (segment, period, cipher) => {
  const place = `keyveil=${FILE_ID}/${CLASS_NUMBER_HD}/${period}/${HD}/${segment}`;
  return cipher === CHUNKED ? `${place}/${cipher}` : place;
};

export function encrypted(segment, period, clear, cipher) {
  const encrypt = cipher === CHUNKED ? own.sealSegment : own.encryptSegment;
  return encrypt(segmentKey(segment, period, cipher), clear);
}

/** Whole periods from `period` on; of a preview, keys of single segments besides. */
function keysOf(period, previewSegments) {
  const keys = [period, period + 1].flatMap((period) =>
    CLASSES.map((trackClass) => ({ trackClass, period, key: periodKey(trackClass, period).toString("hex") })),
  );
  const segmentKeys = previewSegments.map(([segment, period]) => ({
    rendition: HD,
    segment,
    cipher: "aes-128-cbc",
    key: segmentKey(segment, period).toString("hex"),
  }));
  return { keys, segmentKeys };
}

function sealed(kind, body, plaintext) {
  const recipientPublic = Buffer.from(JSON.parse(body).publicKey, "base64url");
  const ephemeral = own.x25519FromBytes(bytes(`ephemeral ${body}`));
  const sealing = { label: `keyveil/v1/grant/${kind}`, body: Buffer.from(body), recipientPublic, ephemeral };
  const envelope = own.seal({ ...sealing, sender: SERVER, psk: BUILD_SECRET, pskId: SDK_BUILD.buildId, plaintext });
  return { serverKeyId: "server-1", ...envelope };
}

const session = { id: SESSION_ID.toString("base64url"), expiresAt: 2000, serverTime: 1000, level: "sealed" };

/** The answer to a play request, as text. */
export function play(body, previewSegments = []) {
  const grant = { sessionId: SESSION_ID.toString("hex"), macKey: MAC_KEY.toString("hex"), expiresAt: 2000 };
  const plaintext = own.playPlaintext({ ...grant, ...keysOf(0, previewSegments) });
  return JSON.stringify({
    session,
    title: {
      appId: 7,
      fileId: FILE_ID,
      name: "A title",
      mode: "private",
      version: 3,
      durationMs: 60_000,
      container: "fmp4",
      cipher: "aes-128-cbc",
      segmentMs: 6000,
      periodSegments: 2,
      segmentCount: 10,
      clearLeadSegments: 0,
      renditions: [
        {
          rendition: HD,
          kind: "video",
          trackClass: "HD",
          name: "720p",
          playlist: "v720p/playlist.m3u8",
          segmentCount: 10,
        },
      ],
    },
    playlistUrl: "http://host/media/t/title-1/master.m3u8",
    grant: sealed("play", body, plaintext),
    watermark: null,
    preview: null,
    resolutionNames: [],
    maxTrack: "UHD",
    spritesUrl: null,
  });
}

/** The answer to a keys request. */
export function keys(body) {
  const plaintext = own.keysPlaintext({ expiresAt: 3000, ...keysOf(JSON.parse(body).period, []) });
  return JSON.stringify({
    session,
    playlistUrl: "http://host/m",
    maxTrack: "UHD",
    grant: sealed("keys", body, plaintext),
  });
}
