import { found, nowSecs, page, Refused } from "./http.mjs";

/** The routes of the pages of administration: workflows' changes, sessions, webhooks, signatures, keys, audit, applications. */
export const adminRoutes = [
  ["POST", "/v1/workflows", createWorkflow],
  ["PUT", "/v1/workflows/:workflowId", ({ data, names, body }) => Object.assign(own(data, names), body)],
  ["DELETE", "/v1/workflows/:workflowId", ({ data, names }) => remove(data.workflows, own(data, names))],

  [
    "GET",
    "/v1/sessions",
    ({ data, query }) => {
      const least = Number(query.get("minScore") ?? 0);
      const sessions = data.sessions.filter(({ score }) => score >= least);
      return filtered("sessions", sessions, query, ["fileId", "uid", "kid", "active"]);
    },
  ],
  ["GET", "/v1/sessions/:sessionId", ({ data, names }) => sessionDetail(named(data.sessions, names))],
  ["POST", "/v1/sessions/revoke", revokeSessions],
  ["DELETE", "/v1/sessions/:sessionId", ({ data, names }) => end(named(data.sessions, names), "revokedAt")],

  ["POST", "/v1/events/:eventId/resend", ({ data, names }) => void named(data.events, names)],
  ["GET", "/v1/webhooks", ({ data, query }) => page("webhooks", data.webhooks, query)],
  ["POST", "/v1/webhooks", createWebhook],
  ["GET", "/v1/webhooks/:webhookId", ({ data, names }) => named(data.webhooks, names)],
  ["PATCH", "/v1/webhooks/:webhookId", ({ data, names, body }) => Object.assign(named(data.webhooks, names), body)],
  ["DELETE", "/v1/webhooks/:webhookId", ({ data, names }) => remove(data.webhooks, named(data.webhooks, names))],
  [
    "GET",
    "/v1/webhooks/:webhookId/deliveries",
    ({ data, names, query }) =>
      page(
        "deliveries",
        data.deliveries.filter(({ webhookId }) => webhookId === names.webhookId),
        query,
      ),
  ],
  [
    "POST",
    "/v1/webhooks/:webhookId/deliveries/:deliveryId/resend",
    ({ data, names }) =>
      Object.assign(named(data.deliveries, { deliveryId: names.deliveryId }), {
        state: "pending",
        nextAt: nowSecs() + 1,
      }),
  ],

  ["POST", "/v1/player-signatures", sign],
  ["POST", "/v1/player-signatures/decode", ({ body }) => decoded(body.psign)],

  ["GET", "/v1/signing-keys", ({ data, query }) => page("signingKeys", data.signingKeys, query)],
  ["POST", "/v1/signing-keys", createSigningKey],
  ["DELETE", "/v1/signing-keys/:kid", ({ data, names }) => end(named(data.signingKeys, names), "retiredAt")],
  ["GET", "/v1/api-keys", ({ data, query }) => page("apiKeys", data.apiKeys, query)],
  ["POST", "/v1/api-keys", createApiKey],
  ["DELETE", "/v1/api-keys/:apiKeyId", ({ data, names }) => end(named(data.apiKeys, names), "retiredAt")],

  ["GET", "/v1/audit", ({ data, query }) => filtered("audit", data.audit, query, ["fileId", "kind", "sessionId"])],

  ["PATCH", "/v1/apps/:appId", changeApp],
  ["POST", "/v1/apps", createApp],
];

const PSIGN_MAC = "bWFkZS1mb3ItYS10ZXN0LW9ubHk";

function named(rows, names) {
  const [[key, id]] = Object.entries(names);
  return found(rows.find((row) => row[key] === id));
}

function own(data, { workflowId }) {
  return found(
    data.workflows.find((one) => one.workflowId === workflowId),
    "workflow_not_found",
  );
}

function appOf(data, { appId }) {
  return found(data.apps.find((app) => String(app.appId) === appId));
}

function filtered(name, rows, query, names) {
  const fits = (row) => names.every((one) => !query.get(one) || String(row[one]) === query.get(one));
  return page(name, rows.filter(fits), query);
}

function remove(rows, row) {
  rows.splice(rows.indexOf(row), 1);
}

function end(row, field) {
  row[field] = nowSecs();
  if ("active" in row) row.active = false;
}

function sessionDetail(session) {
  const limited = session.uid === "viewer-2";
  return {
    ...session,
    periodsReleased: [
      { trackClass: "AUDIO", periods: [[0, 3]] },
      {
        trackClass: "HD",
        periods: [
          [0, 2],
          [7, 7],
        ],
      },
    ],
    addresses: [session.ipClass, "2001:db8:7::/48"],
    limits: {
      previewSegments: limited ? 50 : null,
      ip: limited ? ["203.0.113.0/24"] : [],
      rlimit: limited ? 3 : null,
      domains: limited ? [["app.example.com"]] : [],
      once: limited,
      sessions: limited ? 2 : null,
    },
  };
}

function revokeSessions({ data, body: { uid, kid } }) {
  if ((uid === undefined) === (kid === undefined))
    throw new Refused(400, "malformed_request", "name one of uid and kid");
  const meant = (session) => (kid === undefined ? session.uid === uid : session.kid === kid);
  const open = data.sessions.filter((session) => meant(session) && session.active);
  for (const session of open) {
    end(session, "revokedAt");
    session.endedBy = kid === undefined ? "viewer" : "signingKey";
  }
  return { count: open.length };
}

function createWorkflow({ data, body }) {
  const { segmentSecs } = body.settings;
  if (segmentSecs < 1 || segmentSecs > 60) throw new Refused(400, "workflow_invalid", "segmentSecs: 1 to 60");
  const workflow = { workflowId: data.nextId("w"), builtIn: false, ...body };
  data.workflows.push(workflow);
  return workflow;
}

function createWebhook({ data, body }) {
  const at = nowSecs();
  const webhook = { webhookId: data.nextId("wh"), enabled: true, createdAt: at, updatedAt: at, ...body };
  data.webhooks.push(webhook);
  return { ...webhook, secret: "whsec_bWFkZS1mb3ItYS10ZXN0LW9ubHktbm90LWEtc2VjcmU=" };
}

function createSigningKey({ data }) {
  const key = { kid: data.nextId("k"), createdAt: nowSecs(), retiredAt: null };
  data.signingKeys.unshift(key);
  return { ...key, text: "made-for-a-test-only-signing-key-text-00000" };
}

function createApiKey({ data, body }) {
  const key = { apiKeyId: data.nextId("ak"), createdAt: nowSecs(), lastUsedAt: null, retiredAt: null, ...body };
  data.apiKeys.unshift(key);
  return { ...key, text: `kv_${key.apiKeyId}_made-for-a-test-only-api-key-text-00000000` };
}

function changeApp({ data, names, body }) {
  checkLevel(body);
  return Object.assign(appOf(data, names), body);
}

function checkLevel({ minLevel = "standard", belowMinLevel = "refuse" }) {
  if (!["sealed", "guarded", "standard"].includes(minLevel))
    throw new Refused(400, "malformed_request", "minLevel: sealed, guarded or standard");
  if (!["refuse", "AUDIO", "SD", "HD", "UHD"].includes(belowMinLevel))
    throw new Refused(400, "malformed_request", "belowMinLevel: refuse or a track class");
}

function createApp({ data, body }) {
  const app = { ...data.apps[0], appId: 1_000_001 + data.apps.length, createdAt: nowSecs(), ...body };
  data.apps.push(app);
  return {
    ...app,
    signingKey: { kid: data.nextId("k"), text: "made-for-a-test-only-first-signing-key-0000" },
    apiKey: { apiKeyId: data.nextId("ak"), text: "kv_made-for-a-test-only-first-api-key-text-0000000" },
  };
}

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const parsed = (text) => JSON.parse(Buffer.from(text ?? "", "base64url").toString());

function sign({ app, body }) {
  checkLevel(body);
  const { fileId, expiresInSecs = 86_400, uid, maxTrack, once, watermark, previewSecs, minLevel, belowMinLevel } = body;
  if (belowMinLevel && !minLevel) throw new Refused(400, "malformed_request", "belowMinLevel needs minLevel");
  const expiresAt = nowSecs() + expiresInSecs;
  const claims = { appId: app, fileId, currentTimeStamp: nowSecs(), expireTimeStamp: expiresAt };
  if (uid || maxTrack || once || minLevel) claims.keyveil = { uid, maxTrack, once, minLevel, belowMinLevel };
  if (previewSecs) claims.urlAccessInfo = { exper: previewSecs };
  if (watermark) claims.ghostWatermarkInfo = { text: watermark };
  return {
    psign: [encoded({ alg: "HS256", typ: "JWT", kid: "k2Yb" }), encoded(claims), PSIGN_MAC].join("."),
    expiresAt,
  };
}

function decoded(psign) {
  const [header, claims] = psign.split(".");
  try {
    const said = parsed(claims);
    const expired = said.expireTimeStamp < nowSecs();
    const code = expired ? "psign_expired" : null;
    const message = expired ? "The player signature has expired." : null;
    const verdict = { valid: !expired, code, message, kid: parsed(header).kid ?? null };
    return { ...verdict, header: parsed(header), claims: said, expiresAt: said.expireTimeStamp };
  } catch {
    const message = "The player signature is malformed.";
    return { valid: false, code: "psign_malformed", message, kid: null, header: null, claims: null, expiresAt: null };
  }
}
