// deploy/nginx: understood by nginx, and not another configuration than the one that the CDN tests play titles through.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { before, test } from "node:test";
import { ensureSystem, NGINX, nginxBinary } from "../../scripts/lib/system.mjs";
import { read, said, withFiles } from "./lib/tools.mjs";

const text = read("deploy/nginx/keyveil.conf");
const servers = read("deploy/nginx/servers.conf");

before(() => ensureSystem([NGINX], { wait: () => null }));

function tested(configuration, behind = servers) {
  return withFiles({}, (folder) => {
    const [key, certificate] = ["privkey.pem", "fullchain.pem"].map((name) => join(folder, name));
    const self = [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-subj",
      "/CN=localhost",
      "-keyout",
      key,
      "-out",
      certificate,
    ];
    execFileSync("openssl", self, { stdio: "ignore" });
    const local = configuration
      .replaceAll("include /etc/nginx/keyveil/servers.conf;", behind)
      .replaceAll("/etc/keyveil-tls", folder)
      .replaceAll("/var/cache/nginx", folder)
      // Names of compose's network.
      .replaceAll(/server-\d:8080/g, "127.0.0.1:8080")
      // Older than 1.25.1 it has this in another place.
      .replace("    http2 on;\n", "")
      .replaceAll(/listen (\d+)/g, "listen 127.0.0.1:2$1");
    const main = `pid ${folder}/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${local}\n}\n`;
    return withFiles({ "nginx.conf": main }, (at) =>
      said(nginxBinary, ["-t", "-p", folder, "-c", join(at, "nginx.conf")]),
    );
  });
}

test("nginx takes it, and refuses a broken one", () => {
  const { code, output } = tested(text);
  assert.equal(code, 0, output);
  assert.notEqual(tested(text.replace("proxy_cache_lock on;", "proxy_cache_look on;")).code, 0);
  assert.notEqual(tested(text.replaceAll("http://keyveil_uploads", "http://keyveil_upload")).code, 0);
  // As deploy/upgrade.sh changes it.
  assert.equal(tested(text, servers.replace(/^server server-1.*$/m, "server server-1:8080 down;")).code, 0);
  assert.notEqual(tested(text, servers.replace(/^server server-1.*$/m, "server server-1:8080 away;")).code, 0);
});

test("files are cached under the same names as in docs/NGINX.md, and the same is kept from outside", () => {
  const documented = read("docs/NGINX.md");
  const plain = (of) => of.replaceAll(/ +/g, " ");
  const map = (of) => /map \$uri \$keyveil_file \{[^}]*\}/.exec(plain(of))[0];
  assert.equal(map(text), map(documented));
  const locations = (of) => [...of.matchAll(/^ {4}location (= \S+|~ \S+)/gm)].map(([, it]) => it);
  const ours = locations(text);
  for (const location of locations(documented)) assert.ok(ours.includes(location), location);
});
