import { nowSecs } from "./http.mjs";
import { SETTINGS } from "./workflows.mjs";

const NOW = nowSecs();
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

const session = (n, fileId, uid, more = {}) => ({
  sessionId: `Zk9x${String(n).padStart(2, "0")}QmVJd3hPc0dYbG5uaQ`,
  fileId,
  version: 1,
  uid,
  us: null,
  kid: "k1Xa",
  buildId: "b-2026-11",
  mode: "private",
  level: "sealed",
  downgrade: null,
  maxTrack: "UHD",
  origin: "https://app.example.com",
  ipClass: "203.0.113.0/24",
  active: true,
  lastPositionMs: 61_000 * n,
  releases: 1 + n,
  createdAt: NOW - n * 11 * MINUTE,
  lastSeenAt: NOW - n * 20,
  expiresAt: NOW + DAY - n * 11 * MINUTE,
  revokedAt: null,
  endedBy: null,
  score: 0,
  reasons: [],
  ...more,
});

const delivery = (n, type, state, more = {}) => ({
  deliveryId: `dlv_${n}`,
  eventId: `evt_${String(n).padStart(4, "0")}b7Qx`,
  webhookId: "wh_all",
  type,
  state,
  attempt: 1,
  nextAt: null,
  lastStatus: 204,
  lastError: null,
  createdAt: NOW - n * 13 * MINUTE,
  deliveredAt: state === "delivered" ? NOW - n * 13 * MINUTE + 1 : null,
  ...more,
});

const entry = (seq, kind, detail, more = {}) => ({
  seq,
  at: NOW - (200 - seq) * 7 * MINUTE,
  kind,
  fileId: null,
  sessionId: null,
  detail,
  hash: `${seq.toString(16).padStart(4, "0")}9f2b7c`.padEnd(64, "4ad0"),
  ...more,
});

const BY = { userId: "u_owner" };
const first = { fileId: "f10000" };
const viewing = { ...first, sessionId: "Zk9x01QmVJd3hPc0dYbG5uaQ" };

/** What the pages of administration show, beside titles and jobs: enough of everything to fill a page. */
export function adminData() {
  return {
    workflows: [
      {
        workflowId: "own",
        name: "Own workflow",
        builtIn: false,
        settings: {
          ...SETTINGS,
          ladder: {
            kind: "rungs",
            rungs: [
              { edge: 480, videoBitRate: 512_000 },
              { edge: 720, videoBitRate: 1_024_000 },
              { edge: 1080, videoBitRate: 2_500_000 },
            ],
          },
          publish: "manual",
          cover: { kind: "at", positionMs: 12_500 },
        },
      },
    ],
    sessions: [
      session(1, "f10000", "viewer-1"),
      session(2, "f10002", "viewer-2", { maxTrack: "HD", level: "guarded", downgrade: "browser" }),
      session(3, "f10000", null, { origin: null, kid: "k2Yb", level: "guarded", downgrade: "hls_settings" }),
      session(4, "f10002", "viewer-3", {
        active: false,
        revokedAt: NOW - HOUR,
        endedBy: "superseded",
        level: "guarded",
        downgrade: "old_player",
      }),
      session(5, "f10008", "viewer-4@example.com", {
        mode: "standard",
        level: "standard",
        buildId: null,
        active: false,
        expiresAt: NOW - HOUR,
        lastSeenAt: NOW - 3 * HOUR,
      }),
    ],
    webhooks: [
      {
        webhookId: "wh_all",
        url: "https://app.example.com/hooks/keyveil",
        types: [],
        enabled: true,
        createdAt: NOW - 30 * DAY,
        updatedAt: NOW - 2 * DAY,
      },
      {
        webhookId: "wh_keys",
        url: "https://other.example.net/a/longer/path/keys",
        types: ["key.released", "session.revoked"],
        enabled: false,
        createdAt: NOW - 20 * DAY,
        updatedAt: NOW - DAY,
      },
    ],
    deliveries: [
      delivery(1, "key.released", "pending", {
        attempt: 3,
        nextAt: NOW + 90,
        lastStatus: 503,
        lastError: "the answer was not a success",
      }),
      delivery(2, "title.published", "delivered"),
      delivery(3, "title.processing", "delivered", { attempt: 2, lastStatus: 200 }),
      delivery(6, "session.revoked", "failed", {
        attempt: 29,
        lastStatus: null,
        lastError: "connection refused",
      }),
    ],
    signingKeys: [
      { kid: "k2Yb", createdAt: NOW - 3 * DAY, retiredAt: null },
      { kid: "k1Xa", createdAt: NOW - 40 * DAY, retiredAt: null },
      { kid: "k0Wz", createdAt: NOW - 120 * DAY, retiredAt: NOW - 39 * DAY },
    ],
    apiKeys: [
      {
        apiKeyId: "akSite",
        name: "Website",
        scopes: ["read", "sign"],
        createdAt: NOW - 30 * DAY,
        lastUsedAt: NOW - 40,
        retiredAt: null,
      },
      {
        apiKeyId: "akUpload",
        name: "Upload machine",
        scopes: ["read", "write", "pack"],
        createdAt: NOW - 12 * DAY,
        lastUsedAt: null,
        retiredAt: null,
      },
      {
        apiKeyId: "akOld",
        name: "Old script",
        scopes: ["read", "write", "pack", "sign", "manage"],
        createdAt: NOW - 90 * DAY,
        lastUsedAt: NOW - 60 * DAY,
        retiredAt: NOW - 50 * DAY,
      },
    ],
    audit: [
      entry(199, "keys_released", { counter: 3, positionMs: 183_000, kid: "k2Yb", released: [{ period: 3 }] }, viewing),
      entry(198, "session_started", { uid: "viewer-1", kid: "k2Yb", origin: "https://app.example.com" }, viewing),
      entry(197, "signature_made", { kid: "k2Yb", uid: "viewer-1", expiresAt: NOW + DAY }, first),
      entry(196, "sessions_revoked", { count: 2, uid: "viewer-3" }),
      entry(195, "title_published", { by: BY, renditions: 6 }, first),
      entry(194, "title_registered", { by: { apiKeyId: "akUpload" }, mode: "private", created: true }, first),
      entry(193, "title_deleted", { by: BY }, { fileId: "f09999" }),
      entry(192, "signing_key_created", { kid: "k2Yb" }),
      entry(191, "signing_key_retired", { kid: "k0Wz" }),
      entry(190, "app_created", { name: "App 1", kid: "k1Xa", apiKeyId: "akSite" }),
      ...Array.from({ length: 60 }, (_, n) =>
        entry(189 - n, "keys_released", { counter: 60 - n, positionMs: 60_000 * (60 - n), released: [] }, viewing),
      ),
    ],
  };
}
