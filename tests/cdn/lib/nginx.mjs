// nginx with the configuration of docs/NGINX.md, in folders of its own, on a free port, ended by its pid.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, request as begin } from "node:http";
import { join } from "node:path";
import { start, stop } from "../../../scripts/lib/children.mjs";
import { inRoot } from "../../../scripts/lib/places.mjs";
import { nginxBinary } from "../../../scripts/lib/system.mjs";
import { isAlive } from "../../faults/lib/processes.mjs";
import { until } from "../../faults/lib/wait.mjs";

/** The site out of the document, with this machine's places in it. Each of them has to be there once. */
export function configuration({ port, upstreams, cache }) {
  const document = readFileSync(inRoot("docs/NGINX.md"), "utf8");
  const blocks = [...document.matchAll(/^```nginx\n(.*?)^```$/gms)];
  if (blocks.length !== 1) throw new Error(`docs/NGINX.md has ${blocks.length} configurations`);
  const replaced = [
    ["listen 443 ssl;", `listen 127.0.0.1:${port};`],
    ["    ssl_certificate /etc/ssl/video.example.com.pem;\n", ""],
    ["    ssl_certificate_key /etc/ssl/video.example.com.key;\n", ""],
    ["server 127.0.0.1:8080 max_fails=1 fail_timeout=2s;", upstreams.map(upstreamLine).join("\n    ")],
    ["/var/cache/nginx/keyveil", cache],
  ];
  return replaced.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`docs/NGINX.md: ${from}`);
    return text.replace(from, () => to);
  }, blocks[0][1]);
}

const upstreamLine = (upstream) => `server ${upstream} max_fails=1 fail_timeout=2s;`;

export class Nginx {
  // Connections are kept: a test of many requests would run out of ports.
  #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  log = [];

  /** In front of these key servers (host:port), which may come and go. `onLine` gets what it says besides. */
  static async start(folder, port, upstreams, onLine = () => null) {
    const nginx = new Nginx();
    nginx.url = `http://127.0.0.1:${port}`;
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    const paths = temporary.map((name) => `${name}_temp_path ${join(folder, name)};`);
    mkdirSync(join(folder, "cache"), { recursive: true });
    const whole = `daemon off; worker_processes 2; pid ${join(folder, "pid")}; error_log stderr warn;
      events { worker_connections 1024; }
      http { access_log off; ${paths.join(" ")}
      ${configuration({ port, upstreams, cache: join(folder, "cache") })} }`;
    // The master starts as root where we are root; its workers have to be able to write.
    const user = process.getuid?.() === 0 ? "user root;\n" : "";
    writeFileSync(join(folder, "nginx.conf"), user + whole);
    const args = ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"];
    nginx.child = start(nginxBinary, args, { cwd: folder, onLine: (line) => nginx.log.push(line) && onLine(line) });
    const ready = () => {
      if (!isAlive(nginx.child.pid)) throw new Error(`nginx ended:\n${nginx.log.join("\n")}`);
      return nginx.get("/healthz").then(
        ({ status }) => status === 200,
        () => false,
      );
    };
    await until("nginx to answer", ready, { seen: () => nginx.log.join("\n") });
    return nginx;
  }

  /** A request for exactly this path. Resolves to { status, headers, bytes, text() }. */
  get(path, { method = "GET", headers = {} } = {}) {
    return new Promise((resolve, reject) => {
      const request = begin(this.url, { method, path, headers, agent: this.#agent }, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.once("error", reject);
        response.once("end", () => {
          const bytes = Buffer.concat(chunks);
          resolve({ status: response.statusCode, headers: response.headers, bytes, text: () => bytes.toString() });
        });
      });
      request.once("error", reject);
      request.end();
    });
  }

  async stop() {
    this.#agent.destroy();
    await stop(this.child);
  }
}
