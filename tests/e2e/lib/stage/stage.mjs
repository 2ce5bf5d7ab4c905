// One clip as a private and as a clear title of one server, behind a gate, with a page for each player: what is compared differs in
// nothing else.
import { execFileSync } from "node:child_process";
import { decryptSegment, encryptSegment } from "../../../vectors/independent.mjs";
import { fileIdOf, sign } from "../element.mjs";
import { binary, start, WORKFLOW } from "../installation.mjs";
import { bundlePages } from "./bundle.mjs";
import { Gate } from "./gate.mjs";

/** What is on stage: the first is the control. */
export const PLAYERS = ["plain", "guarded", "sealed"];

/** Resolves to { gate, address(player, page), titleOf(player), damaged(path, bytes), stop() }. */
export async function openStage(clip, { data, workflow = {} } = {}) {
  const gate = await new Gate(await bundlePages()).open();
  // No viewer plays at eight times the speed: keys are to come as fast as they are asked for.
  const env = { KEYVEIL_PUBLIC_URL: gate.origin, KEYVEIL_PACING_MODE: "off" };
  const keyveil = await start(clip, { data, workflow, env });
  const stop = async () => {
    const ended = await keyveil.stop();
    await gate.close();
    return ended;
  };
  try {
    return { gate, stop, ...(await titles(gate, keyveil, clip, workflow)) };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function titles(gate, keyveil, clip, workflow) {
  gate.leadTo(keyveil.port);
  const privateTitle = fileIdOf(keyveil);
  const clearTitle = await publishClear(keyveil, clip, workflow);
  const segmentKeys = segmentKeysOf(keyveil.reveal(privateTitle));

  const fragments = {
    plain: async () => ({ playlist: await playlistOf(keyveil, clearTitle) }),
    guarded: async () => ({ psign: await sign(keyveil, privateTitle), level: "guarded" }),
    sealed: async () => ({ psign: await sign(keyveil, privateTitle), level: "sealed" }),
  };
  return {
    async address(player, page = player === "plain" ? "plain" : "keyveil") {
      return `${gate.origin}/stage/${page}#${new URLSearchParams(await fragments[player]())}`;
    },
    titleOf: (player) => (player === "plain" ? clearTitle : privateTitle),
    /** A segment that the browser can't decode, encrypted with the segment's own key where the title is private. */
    damaged(path, bytes) {
      const key = segmentKeys.get(path.split("/").slice(-2).join("/"));
      const isPrivate = path.includes(privateTitle);
      const clear = isPrivate ? decryptSegment(key, bytes) : Buffer.from(bytes);
      const media = clear.indexOf("mdat");
      // Lengths of NAL units that no segment has room for.
      clear.fill(0xff, media + 4);
      return isPrivate ? encryptSegment(key, clear) : clear;
    },
  };
}

async function publishClear(keyveil, clip, workflow) {
  const workflowId = "stage-clear";
  const { workflows } = await keyveil.api("GET", "/v1/workflows?limit=200");
  const { settings } = workflows.find((one) => one.workflowId === "demo");
  if (!workflows.some((one) => one.workflowId === workflowId)) {
    const changed = { ...settings, ...WORKFLOW, ...workflow, mode: "clear", cipher: null };
    await keyveil.api("POST", "/v1/workflows", { workflowId, name: "The same, clear", settings: changed });
  }
  const flags = ["upload", clip, "--server", `http://127.0.0.1:${keyveil.port}`, "--workflow", workflowId];
  const said = execFileSync(binary("packager"), [...flags, "--wait", "--progress", "json"], {
    encoding: "utf8",
    env: { ...process.env, KEYVEIL_API_KEY: keyveil.apiKey },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const events = said
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return events.find(({ event }) => event === "uploaded").fileId;
}

async function playlistOf(keyveil, fileId) {
  const body = JSON.stringify({ psign: await sign(keyveil, fileId) });
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(`http://127.0.0.1:${keyveil.port}/v1/play`, { method: "POST", headers, body });
  return (await answer.json()).playlistUrl;
}

/** `v360p/seg-00003.m4s` → key and iv. */
function segmentKeysOf({ title, segmentKeys }) {
  const folderOf = new Map(title.renditions.map(({ rendition, playlist }) => [rendition, playlist.split("/")[0]]));
  const name = ({ rendition, segment }) => `${folderOf.get(rendition)}/seg-${String(segment).padStart(5, "0")}.m4s`;
  return new Map(segmentKeys.map((entry) => [name(entry), Buffer.from(entry.key + entry.iv, "hex")]));
}
