// The images and deploy/compose.yaml, as far as they can be judged without a daemon.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join, normalize } from "node:path";
import { describe, test } from "node:test";
import { inRoot } from "../../scripts/lib/places.mjs";
import { faultsOf, lintTool, parseYaml, present, read, said, withFiles } from "./lib/tools.mjs";

const DOCKERFILE = "deploy/Dockerfile";
const COMPOSE = "deploy/compose.yaml";
/** What a person fills in; more than the example has, where that is empty. */
const FILLED = {
  ...variables(read("deploy/.env.example")),
  POSTGRES_PASSWORD: "0".repeat(48),
  S3_SECRET_KEY: "0".repeat(48),
  GRAFANA_PASSWORD: "0".repeat(48),
};

const hadolint = (text) => said(lintTool("hadolint"), ["--failure-threshold", "info", "-"], { input: text });

describe("Dockerfile", () => {
  const text = read(DOCKERFILE);

  test("hadolint finds nothing, and finds what is wrong", () => {
    const { code, output } = hadolint(text);
    assert.equal(code, 0, output);
    assert.match(hadolint(text.replace(/FROM debian:\S+/, "FROM debian")).output, /DL3006/);
    assert.match(hadolint(text.replaceAll(" --no-install-recommends", "")).output, /DL3015/);
  });

  test("it builds with the compiler of rust-toolchain.toml and a Node that package.json takes", () => {
    const channel = /channel = "([^"]+)"/.exec(read("rust-toolchain.toml"))[1];
    assert.match(text, new RegExp(`^FROM rust:${channel.replaceAll(".", "\\.")}-`, "m"));
    const node = Number(/^FROM node:(\d+)-/m.exec(text)[1]);
    assert.ok(node > Number(/(\d+)/.exec(JSON.parse(read("package.json")).engines.node)[1]));
  });

  test("both images run as nobody in particular, and only the worker's has ffmpeg", () => {
    for (const [name, stage] of Object.entries(stages(text)).filter(([name]) => name !== "build" && name !== "node")) {
      assert.equal(/install -y --no-install-recommends ffmpeg/.test(stage), name === "worker", name);
      if (name !== "runtime") assert.match(stage, /^USER 10001:10001$/m, name);
    }
    assert.match(stages(text).server, /^HEALTHCHECK .*CMD \["key-server", "ready"\]$/m);
  });

  test("the image's settings are ones that the server takes", () => {
    const env = variables(stages(text).server.replaceAll(/^(ENV)?\s+(KEYVEIL_\w+=\S+)( \\)?$/gm, "$2"));
    assert.ok(Object.keys(env).length >= 6);
    const faults = faultsOf({ ...env, KEYVEIL_PUBLIC_URL: "https://video.example.invalid" });
    // A proxy in front is for whoever runs it to name.
    assert.deepEqual(
      faults.filter((what) => !/without TLS|root key lies/.test(what)),
      [],
    );
    assert.match(faultsOf({ ...env, KEYVEIL_PAGES_WWWDIR: "x" }).join(), /wwwdir/);
  });

  test("nothing private goes into the build", () => {
    const ignored = read(".dockerignore").split("\n");
    for (const path of [".git", "**/target", "/data", "**/.env", "**/*.key", "**/*.pem"])
      assert.ok(ignored.includes(path), path);
  });
});

describe("compose.yaml", () => {
  const text = read(COMPOSE);
  const compose = parseYaml(filled(text))[0];
  const none = present("docker", "compose", "version")
    ? false
    : "docker compose is not here: references are checked, not its schema";

  test("docker compose takes it, and refuses a broken one", { skip: none }, () => {
    const config = (file) => {
      const args = [
        "compose",
        "--project-directory",
        inRoot("deploy"),
        "-f",
        file,
        "--profile",
        "monitoring",
        "config",
        "--quiet",
      ];
      return said("docker", args, { env: { ...process.env, ...FILLED } });
    };
    const { code, output } = config(inRoot(COMPOSE));
    assert.equal(code, 0, output);
    withFiles({ "compose.yaml": text.replace("networks: [work]", "networks: [nowhere]") }, (folder) => {
      assert.notEqual(config(join(folder, "compose.yaml")).code, 0);
    });
  });

  test("what it refers to is there", () => {
    assert.deepEqual(dangling(compose), []);
    const broken = structuredClone(compose);
    broken.services.worker.networks = ["nowhere"];
    broken.services.nginx.depends_on = { "server-3": { condition: "service_healthy" } };
    broken.services.nginx.volumes = ["./nginx/gone.conf:/etc/nginx/conf.d/default.conf:ro"];
    broken.services.worker.build.target = "works";
    assert.equal(dangling(broken).length, 4, dangling(broken).join());
  });

  test("each variable is in the example, and no secret has a default", () => {
    for (const [, name, rest] of text.matchAll(/\$\{(\w+)([^}]*)\}/g)) {
      assert.ok(name in FILLED || /_IMAGE$/.test(name), name);
      if (/PASSWORD|SECRET|TOKEN|KEY$/.test(name)) assert.match(rest, /^(:\?.*|:-)?$/, name);
    }
  });

  test("every container is read-only, without capabilities it does not need, and ends with what it started", () => {
    for (const [name, service] of Object.entries(compose.services)) {
      assert.equal(service.read_only, true, name);
      assert.deepEqual(service.cap_drop, ["ALL"], name);
      assert.deepEqual(service.security_opt, ["no-new-privileges:true"], name);
      assert.ok(
        !service.image.includes("/") || !service.image.split("/")[0].includes("."),
        `${name}: no registry is named`,
      );
    }
  });

  test("the servers' settings are ones that they take, and not dangerous", () => {
    for (const name of ["server-1", "server-2", "prepare"]) {
      const env = { KEYVEIL_LISTEN: "0.0.0.0:8080", ...compose.services[name].environment };
      // Within a network of this machine.
      const faults = faultsOf(env).filter((what) => !/storage.endpoint is plain http/.test(what));
      assert.deepEqual(faults, [], name);
    }
    const env = compose.services["server-1"].environment;
    assert.match(faultsOf({ ...env, KEYVEIL_HTTP_TRUSTED_PROXIES: "0.0.0.0/0" }).join(), /every address/);
  });

  test("only nginx is in the servers' network with them, whose word about clients counts", () => {
    const inFront = Object.entries(compose.services).filter(([, { networks }]) => networks.includes("front"));
    assert.deepEqual(inFront.map(([name]) => name).sort(), ["nginx", "server-1", "server-2"]);
    const [{ subnet }] = compose.networks.front.ipam.config;
    assert.equal(compose.services["server-1"].environment.KEYVEIL_HTTP_TRUSTED_PROXIES, subnet);
  });
});

function stages(text) {
  const parts = text.split(/^FROM /m).slice(1);
  return Object.fromEntries(parts.map((part) => [/ AS (\w+)/.exec(part)[1], part]));
}

function variables(text) {
  return Object.fromEntries([...text.matchAll(/^([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}

function filled(text) {
  return text.replaceAll(/\$\{(\w+)(?::[-?]([^}]*))?\}/g, (_, name, other) => FILLED[name] || (other ?? ""));
}

/** Names that a compose file uses and does not have. */
function dangling({ services, networks, volumes, secrets, configs }) {
  const targets = stages(read(DOCKERFILE));
  return Object.entries(services).flatMap(([name, service]) => {
    const needed = Object.keys(
      Array.isArray(service.depends_on)
        ? Object.fromEntries(service.depends_on.map((it) => [it]))
        : (service.depends_on ?? {}),
    );
    const mounted = (service.volumes ?? []).map((volume) => volume.split(":")[0]);
    const isFile = (source) => source.startsWith(".");
    return [
      ...needed.filter((it) => !(it in services)),
      ...service.networks.filter((it) => !(it in networks)),
      ...mounted.filter((it) =>
        isFile(it) ? !existsSync(inRoot(normalize(join("deploy", it)))) : !it.startsWith("/") && !(it in volumes),
      ),
      ...(service.secrets ?? []).filter((it) => !(it in secrets)),
      ...(service.configs ?? []).filter(({ source }) => !(source in configs)),
      ...(service.build && !(service.build.target in targets) ? [service.build.target] : []),
    ].map((it) => `${name}: ${it}`);
  });
}
