/** A part of the server's own document, with every shape that the viewer has to show: parameters, bodies, answers, schemas. */
const problem = {
  description: "Refused",
  content: { "application/json": { schema: { $ref: "#/components/schemas/ErrorBody" } } },
};
const json = (name) => ({ content: { "application/json": { schema: { $ref: `#/components/schemas/${name}` } } } });

export const OPENAPI = {
  openapi: "3.1.0",
  info: {
    title: "Keyveil",
    version: "0.1.0",
    description: "Private encryption for HLS: titles, uploads, workflows, jobs, signatures, sessions, events.",
  },
  servers: [{ url: "/" }],
  tags: [
    { name: "titles", description: "What people watch." },
    { name: "player signatures", description: "Who may watch what, and until when." },
    { name: "webhooks", description: "Who is told what happened." },
  ],
  security: [{ apiKey: [] }],
  paths: {
    "/v1/titles": {
      get: {
        tags: ["titles"],
        summary: "Titles of the application",
        description: "Scope `read`. Newest first unless `sort` says otherwise.",
        operationId: "listTitles",
        parameters: [
          {
            name: "search",
            in: "query",
            description: "Name, description or file id",
            schema: { type: "string", maxLength: 200 },
          },
          {
            name: "state",
            in: "query",
            description: "Repeatable",
            schema: { type: "array", items: { $ref: "#/components/schemas/TitleState" } },
          },
          { name: "limit", in: "query", schema: { type: "integer", minimum: 1, maximum: 200, default: 50 } },
        ],
        responses: { 200: { description: "A page of titles", ...json("TitlePage") }, 401: problem },
      },
      post: {
        tags: ["titles"],
        summary: "Make a title from an address",
        operationId: "createTitle",
        requestBody: { required: true, ...json("NewTitle") },
        responses: { 201: { description: "The title, uploading", ...json("Title") }, 400: problem, 409: problem },
      },
    },
    "/v1/titles/{fileId}": {
      delete: {
        tags: ["titles"],
        summary: "Delete a title",
        operationId: "deleteTitle",
        parameters: [{ name: "fileId", in: "path", required: true, schema: { type: "string" } }],
        responses: { 204: { description: "Gone, and its secrets with it" }, 404: problem },
      },
    },
    "/v1/player-signatures": {
      post: {
        tags: ["player signatures"],
        summary: "Make a player signature",
        operationId: "createPlayerSignature",
        requestBody: { required: true, ...json("SignatureRequest") },
        responses: { 200: { description: "The signature", ...json("MadeSignature") }, 404: problem },
      },
    },
    "/v1/webhooks/{webhookId}": {
      patch: {
        tags: ["webhooks"],
        summary: "Change a webhook",
        operationId: "changeWebhook",
        parameters: [{ name: "webhookId", in: "path", required: true, schema: { type: "string" } }],
        responses: { 200: { description: "The webhook" }, 404: problem },
      },
    },
  },
  components: {
    securitySchemes: { apiKey: { type: "http", scheme: "bearer", description: "`kv_<id>_<secret>`" } },
    schemas: {
      ErrorBody: {
        type: "object",
        required: ["error"],
        properties: {
          error: {
            type: "object",
            required: ["code", "message", "requestId"],
            properties: {
              code: { type: "string", example: "title_not_found" },
              message: { type: "string" },
              requestId: { type: "string" },
              detail: { type: "string" },
            },
          },
        },
      },
      TitleState: {
        type: "string",
        enum: ["uploading", "queued", "transcoding", "encrypting", "ready", "published", "failed"],
      },
      Title: {
        type: "object",
        required: ["fileId", "name", "state"],
        properties: {
          fileId: { type: "string", maxLength: 64 },
          name: { type: "string" },
          state: { $ref: "#/components/schemas/TitleState" },
          durationMs: { type: ["integer", "null"], format: "int64" },
        },
      },
      TitlePage: {
        type: "object",
        properties: {
          titles: { type: "array", items: { $ref: "#/components/schemas/Title" } },
          next: { type: ["string", "null"] },
        },
      },
      NewTitle: {
        type: "object",
        required: ["url"],
        properties: {
          url: { type: "string", format: "uri" },
          name: { type: "string" },
          workflowId: { type: "string" },
        },
      },
      SignatureRequest: {
        type: "object",
        required: ["fileId"],
        properties: {
          fileId: { type: "string" },
          expiresInSecs: { type: "integer", minimum: 1, maximum: 31622400 },
          uid: { type: "string", maxLength: 128 },
          maxTrack: { type: "string", enum: ["AUDIO", "SD", "HD", "UHD"] },
        },
      },
      MadeSignature: {
        type: "object",
        properties: { psign: { type: "string" }, expiresAt: { type: "integer" } },
      },
    },
  },
};

export const openapiRoutes = [["GET", "/v1/openapi.json", () => OPENAPI, { anonymous: true }]];
