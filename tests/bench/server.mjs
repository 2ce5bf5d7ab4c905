// The key server: what a grant costs beside the HPKE seal in it, how long it takes, how commits share an fsync, what sessions and
// titles add, and what its origin does beside nginx on the same files. The load comes from `load` (tests/src/bin/load).
//
// The server is the release build with its SQLite, as delivered: its log, its audit, its pacing. Only `http.plays_per_minute` is
// raised, as one address is here as many viewers as there are; requests for keys are heartbeats, which pacing lets pass.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, start, stop } from "../../scripts/lib/children.mjs";
import { binary } from "../../scripts/lib/places.mjs";
import { ensureSystem, NGINX, nginxBinary } from "../../scripts/lib/system.mjs";
import { send } from "../faults/lib/http.mjs";
import { Stack } from "../faults/lib/stack.mjs";
import { until } from "../faults/lib/wait.mjs";

const GROUP = "Key server";
const SETTINGS = { KEYVEIL_HTTP_PLAYS_PER_MINUTE: "1000000" };
const FILES = [
  { name: "seg-00000.m4s", bytes: 1.5 * 1024 * 1024, called: "1.5 MiB segments" },
  { name: "seg-00001.m4s", bytes: 8 * 1024, called: "8 KiB segments" },
];

export async function rows(context) {
  const { quick, log } = context;
  const rounds = Math.max(1, Math.min(context.rounds, quick ? 3 : 5));
  const options = ["--rounds", String(rounds), "--millis", quick ? "1500" : "3000"];
  const stack = await Stack.start({ settings: SETTINGS });
  try {
    log(`key server: grants, ${rounds} rounds`);
    const at = ["--data", stack.data, "--app", String(stack.appId), "--address", `127.0.0.1:${stack.port}`];
    const grants = await load("grants", [...at, ...pid(stack), ...options, "--sessions", "10000"]);
    log("key server: origin beside nginx");
    const origin = await beside(stack, context.scratch(), options);
    log("key server: growth");
    const growth = await grown(quick, options, log);
    return [...ofGrants(grants), ...origin, ...growth];
  } finally {
    await stack.stop();
  }
}

async function load(command, args) {
  return JSON.parse(await run(binary("load"), [command, ...args]));
}

const pid = (stack) => ["--pid", String(stack.serverPid)];

function ofGrants({ rounds, residentMostKib }) {
  const of = (name, load, field) => rounds.map((round) => round[name][load][field]);
  const seals = rounds.map((round) => round.sealMicros);
  const fsyncs = rounds.map((round) => round.fsyncsPerSec);
  const refused = rounds.flatMap((round) => ["play", "keys"].map((name) => round[name].top.refused));
  const note = refused.some((count) => count > 0) ? `refused: ${refused.join(", ")}` : undefined;
  const list = [];
  for (const [name, route] of [
    ["play", "POST /v1/play"],
    ["keys", "POST /v1/keys"],
  ]) {
    list.push(
      {
        metric: `${route}: processor time`,
        unit: "µs",
        ours: of(name, "top", "cpuMicros"),
        peers: [{ name: "HPKE seal alone", value: seals }],
        goal: { peer: "HPKE seal alone", kind: "ratio", atMost: 1.5 },
        note,
      },
      { metric: `${route}: p50 at half load`, unit: "ms", ours: of(name, "half", "p50Ms"), peers: [] },
      {
        metric: `${route}: p99 at half load`,
        unit: "ms",
        ours: of(name, "half", "p99Ms"),
        peers: [],
        goal: { peer: null, kind: "value", atMost: 20 },
      },
      ...["one", "eight", "top"].map((clients) => ({
        metric: `${route}: ${{ one: "1 client", eight: "8 clients", top: "64 clients" }[clients]}`,
        unit: "1/s",
        ours: of(name, clients, "perSec"),
        peers: [{ name: "fsync alone", value: fsyncs }],
        note: clients === "top" ? "commits share an fsync: certainly above 1, not excluded below" : undefined,
      })),
    );
  }
  list.push({
    metric: "most memory at 10,000 live sessions",
    unit: "MiB",
    ours: residentMostKib / 1024,
    peers: [],
    goal: { peer: null, kind: "value", atMost: 60 },
  });
  return list.map((row) => ({ group: GROUP, ...row }));
}

/** The origin and an nginx with sendfile give out the same files; the address that opens them is the server's own. */
async function beside(stack, folder, options) {
  const media = join(stack.data, "media");
  mkdirSync(join(media, "bench-0", "1"), { recursive: true });
  for (const { name, bytes } of FILES) writeFileSync(join(media, "bench-0", "1", name), Buffer.alloc(bytes, 7));
  await ensureSystem([NGINX], { wait: () => null });
  const nginx = await startNginx(folder, media);
  try {
    const { psign } = await stack.api.post("/v1/player-signatures", { fileId: "bench-0" });
    const path = await mediaPath(stack, psign);
    const list = [];
    for (const { name, called } of FILES) {
      const ours = [`127.0.0.1:${stack.port}`, String(stack.serverPid), path.replace("master.m3u8", `1/${name}`)];
      const theirs = [`127.0.0.1:${nginx.port}`, String(nginx.child.pid), `/bench-0/1/${name}`];
      const args = [...["--server", ...ours], ...["--server", ...theirs]];
      const rounds = await load("origin", [...args, ...options]);
      list.push(...ofOrigin(rounds, called));
    }
    return list;
  } finally {
    await stop(nginx.child);
  }
}

function ofOrigin(rounds, called) {
  const of = (at, field) => rounds.map((round) => round[at][field]);
  const row = (metric, unit, field, goal) => ({
    group: GROUP,
    metric: `origin, ${called}: ${metric}`,
    unit,
    ours: of(0, field),
    peers: [{ name: "nginx", value: of(1, field) }],
    goal: { peer: "nginx", kind: "ratio", ...goal },
  });
  return [
    row("throughput", "MiB/s", "mibPerSec", { atLeast: 0.7 }),
    row("processor time", "s/GiB", "cpuSecsPerGib", { atMost: 1 / 0.7 }),
  ];
}

async function startNginx(folder, root) {
  const port = 30_000 + Math.floor(Math.random() * 2000);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const paths = temporary.map((name) => `${name}_temp_path ${join(folder, name)};`).join(" ");
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const configuration = `${user} daemon off; worker_processes auto; pid ${join(folder, "pid")}; error_log stderr warn;
    events { worker_connections 1024; }
    http { access_log off; ${paths} sendfile on; tcp_nopush on; keepalive_requests 1000000;
      server { listen 127.0.0.1:${port}; root ${root}; } }`;
  const file = join(folder, "nginx.conf");
  writeFileSync(file, configuration);
  const child = start(nginxBinary, ["-p", folder, "-c", file, "-e", "stderr"], { cwd: folder, onLine: () => null });
  const address = `http://127.0.0.1:${port}/bench-0/1/${FILES[1].name}`;
  await until("nginx to answer", async () => (await send("GET", address).catch(() => null))?.status === 200);
  return { child, port };
}

async function mediaPath(stack, psign) {
  // Any key will do: the grant is not opened.
  const [buildId] = (await stack.keyServer("build", "list")).trim().split(/\s+/);
  const publicKey = Buffer.concat([Buffer.from([9]), Buffer.alloc(31)]).toString("base64url");
  const body = JSON.stringify({ psign, publicKey, buildId });
  const answer = await send("POST", `${stack.url}/v1/play`, { "content-type": "application/json" }, body);
  if (answer.status !== 200) throw new Error(`/v1/play: ${answer.bytes}`);
  return new URL(answer.json().playlistUrl).pathname;
}

/** An installation of its own: what the other measurements left would count. */
async function grown(quick, options, log) {
  const titles = quick ? [10, 1000, 10_000] : [10, 1000, 100_000];
  const sessions = quick ? [10, 1000, 10_000] : [10, 1000, 10_000, 100_000];
  const list = [];
  const stack = await Stack.start({ settings: SETTINGS });
  try {
    const at = ["--data", stack.data, "--app", String(stack.appId), "--address", `127.0.0.1:${stack.port}`];
    const counts = ["--titles", titles.join(), "--sessions", sessions.join()];
    const told = await load("growth", [...at, ...pid(stack), ...options, ...counts]);
    log(`key server: ${Math.round(told.residentMostKib / 1024)} MiB at most after growth`);
    list.push(ofGrowth("POST /v1/play among titles", titles, told.titles));
    list.push(ofGrowth("POST /v1/keys among sessions", sessions, told.sessions));
    return list;
  } finally {
    await stack.stop();
  }
}

/** Each run beside the seal of its moment, as the machine's speed changes over minutes. */
function ofGrowth(metric, counts, runs) {
  const ratios = runs.map((rounds) => median(rounds.map((round) => round.cpuMicros / round.sealMicros)));
  return {
    group: "Growth",
    metric: `${metric}: dearest by cheapest`,
    unit: "×",
    ours: Math.max(...ratios) / Math.min(...ratios),
    peers: [],
    goal: { peer: null, kind: "value", atMost: 1.2 },
    note: counts.map((count, at) => `${count.toLocaleString("en")}: ${ratios[at].toFixed(2)} seals`).join("; "),
    series: [{ name: metric, x: counts, y: ratios }],
    axes: { x: metric.split(" ").pop(), y: "processor time in HPKE seals" },
  };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
