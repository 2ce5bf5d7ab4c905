// The chart, linted and rendered by Helm's own library; what comes out is checked against Kubernetes' schemas.
import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { inRoot } from "../../scripts/lib/places.mjs";
import { faultsOf, python, said, withFiles } from "./lib/tools.mjs";

const CHART = inRoot("deploy/helm/keyveil");
const KUBERNETES = ["1.27", "1.34"];
const SECRET = "hunter2";
const VALUES = {
  server: {
    publicUrl: "https://video.example.invalid",
    trustedProxies: ["10.0.0.0/8"],
    environmentSecrets: ["bucket"],
  },
  database: { urlSecret: { name: "database" } },
  storage: { url: "s3://keyveil/prod", endpoint: "https://s3.example.invalid" },
  kms: { rootKeySecret: { name: "root-key" } },
  worker: { tokenSecret: { name: "worker" } },
  ingress: { enabled: true, className: "nginx", tlsSecret: "tls" },
  metrics: { serviceMonitor: { enabled: true } },
};
const SMALL = {
  ...VALUES,
  server: { ...VALUES.server, replicas: 1 },
  database: { urlSecret: { name: "" } },
  storage: { url: "" },
  data: { accessModes: ["ReadWriteOnce"] },
  worker: { tokenSecret: { name: "" } },
  ingress: { enabled: false },
  metrics: { enabled: false },
};

function chart(values, { folder = CHART, kubernetes = KUBERNETES[1] } = {}) {
  const input = JSON.stringify({ chart: folder, values, kubernetes });
  const { code, stdout, output } = said(python, [inRoot("tests/deploy/lib/chart.py")], { input });
  assert.equal(code, 0, output);
  return JSON.parse(stdout);
}

const of = (documents, kind, end = "") => documents.find((it) => it.kind === kind && it.metadata.name.endsWith(end));

/** A copy of the chart in which a file is another. */
function altered(file, change, values = VALUES) {
  return withFiles({}, (folder) => {
    cpSync(CHART, folder, { recursive: true });
    writeFileSync(join(folder, file), change(readFileSync(join(folder, file), "utf8")));
    return chart(values, { folder });
  });
}

describe("chart", () => {
  for (const [name, values] of Object.entries({ whole: VALUES, small: SMALL })) {
    for (const kubernetes of KUBERNETES) {
      test(`${name}: Helm and the schemas of Kubernetes ${kubernetes} find nothing`, () => {
        const { lint, error, invalid, unchecked } = chart(values, { kubernetes });
        assert.deepEqual({ lint, error, invalid }, { lint: [], error: null, invalid: [] });
        // Of the Prometheus operator: nobody's schema is here.
        assert.deepEqual(unchecked, name === "whole" ? ["ServiceMonitor"] : []);
      });
    }
  }

  test("a broken template, field and value are noticed", () => {
    assert.match(altered("templates/service.yaml", (text) => text.replace("{{- end }}", "")).error, /service\.yaml/);
    assert.match(
      altered("templates/server.yaml", (text) => text.replace("readinessProbe:", "readynessProbe:")).invalid.join(),
      /readynessProbe/,
    );
    assert.match(
      altered("templates/poddisruptionbudget.yaml", (text) =>
        text.replace("maxUnavailable: 1", "maxUnavailable: [1]"),
      ).invalid.join(),
      /PodDisruptionBudget/,
    );
    assert.match(chart({ ...VALUES, replicas: 3 }).error, /replicas/);
    assert.match(chart({ ...VALUES, server: { ...VALUES.server, publicUrl: "http://a" } }).error, /publicUrl/);
  });

  test("what can't work is refused before anything is installed", () => {
    for (const [values, part] of [
      [{ ...VALUES, server: {} }, /publicUrl is needed/],
      [{ ...VALUES, database: { urlSecret: { name: "" } } }, /SQLite is one server's/],
      [{ ...VALUES, data: { accessModes: ["ReadWriteOnce"] } }, /ReadWriteMany/],
      [{ ...VALUES, kms: { rootKeySecret: { name: "" } } }, /rootKeySecret is needed/],
      [
        { ...VALUES, server: { ...VALUES.server, environment: { KEYVEIL_DATABASE_URL: SECRET } } },
        /KEYVEIL_DATABASE_URL|propertyNames|property name/,
      ],
    ]) {
      assert.match(chart(values).error ?? "", part);
    }
  });

  test("an upgrade takes no server away before another is ready", () => {
    const { documents } = chart(VALUES);
    const { spec } = of(documents, "Deployment", "-server");
    assert.deepEqual([spec.replicas, spec.strategy.rollingUpdate.maxUnavailable], [2, 0]);
    const pod = spec.template.spec;
    const [server] = pod.containers;
    assert.equal(server.readinessProbe.httpGet.path, "/readyz");
    assert.equal(server.livenessProbe.httpGet.path, "/healthz", "a KMS that is away is no reason to restart");
    const sleeps = Number(server.lifecycle.preStop.exec.command.at(-1));
    const drains = Number(server.env.find(({ name }) => name === "KEYVEIL_HTTP_DRAIN_SECS").value);
    assert.ok(sleeps > 0 && pod.terminationGracePeriodSeconds > sleeps + drains);
    assert.equal(of(documents, "PodDisruptionBudget").spec.maxUnavailable, 1);
    assert.equal(pod.topologySpreadConstraints.length, 2);
    assert.equal(
      of(chart(SMALL).documents, "Deployment", "-server").spec.strategy.type,
      "Recreate",
      "two servers never share SQLite",
    );
  });

  test("Services and budgets select the pods that there are", () => {
    const { documents } = chart(VALUES);
    const { labels } = of(documents, "Deployment", "-server").spec.template.metadata;
    const selects = (selector) => Object.entries(selector).every(([name, value]) => labels[name] === value);
    assert.ok(selects(of(documents, "Service", "-server").spec.selector));
    assert.ok(selects(of(documents, "PodDisruptionBudget").spec.selector.matchLabels));
    const monitored = of(documents, "ServiceMonitor").spec.selector.matchLabels;
    const metrics = of(documents, "Service", "-metrics");
    assert.ok(Object.entries(monitored).every(([name, value]) => metrics.metadata.labels[name] === value));
    assert.ok(!selects(of(documents, "Deployment", "-worker").spec.selector.matchLabels), "workers are no servers");
  });

  test("pods are as closed as they can be, and hold no secret in plain", () => {
    const { documents } = chart(VALUES);
    for (const { spec } of documents.filter(({ kind }) => kind === "Deployment")) {
      const pod = spec.template.spec;
      assert.ok(pod.securityContext.runAsNonRoot && pod.automountServiceAccountToken === false);
      for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
        const { readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities } = container.securityContext;
        assert.deepEqual([readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities.drop], [true, false, ["ALL"]]);
        for (const { name, value } of container.env)
          assert.ok(value === undefined || !/DATABASE_URL|TOKEN|SECRET/.test(name), name);
      }
    }
    assert.ok(!documents.some(({ kind }) => kind === "Secret"));
  });

  test("the server takes the settings that it is given", () => {
    const [{ env }] = of(chart(VALUES).documents, "Deployment", "-server").spec.template.spec.containers;
    const plain = Object.fromEntries(
      env.map(({ name, value }) => [name, value ?? "postgres://keyveil@localhost/keyveil"]),
    );
    assert.deepEqual(faultsOf({ KEYVEIL_LISTEN: "0.0.0.0:8080", ...plain }), []);
    assert.match(faultsOf({ ...plain, KEYVEIL_HTTP_DRAIN_SECS: "0" }).join(), /drain_secs/);
  });
});
