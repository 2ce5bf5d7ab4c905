// Alerts and the dashboard: understood, silent where all is well, loud where it is not, and of metrics that there are.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { inRoot } from "../../scripts/lib/places.mjs";
import { promtool } from "./lib/promtool.mjs";
import { parseYaml, read, said, withFiles } from "./lib/tools.mjs";

const ALERTS = "deploy/prometheus/alerts.yaml";
const CASES = "deploy/prometheus/alerts.test.yaml";
const program = promtool();
const none = program ? false : "promtool is not here, and no package of it";
const rules = parseYaml(read(ALERTS))[0].groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read("deploy/grafana/keyveil.json"));
const targets = dashboard.panels.flatMap(({ targets = [] }) => targets);
/** `name | type | labels` of the table in docs/OPERATION.md. */
const listed = new Map(
  [...read("docs/OPERATION.md").matchAll(/^\| `(keyveil_\w+)` \| (\w+) \| ([^|]*(?:\\\|[^|]*)*)\|/gm)].map(
    ([, name, type, labels]) => [name, { type, labels }],
  ),
);
const hasMetrics = /SECTIONS[^;]*"metrics"/s.test(read("key-server/src/config/mod.rs"));
const unlisted = hasMetrics ? false : "this key server has no [metrics] yet";

describe("alerts", { skip: none }, () => {
  test("promtool takes rules and configuration, and refuses broken ones", () => {
    for (const [kind, file] of [
      ["rules", ALERTS],
      ["config", "deploy/prometheus/prometheus.yaml"],
    ]) {
      const { code, output } = said(program, ["check", kind, inRoot(file)]);
      assert.equal(code, 0, output);
    }
    withFiles({ "alerts.yaml": read(ALERTS).replace("sum by (route)", "sum buy (route)") }, (folder) => {
      assert.notEqual(said(program, ["check", "rules", join(folder, "alerts.yaml")]).code, 0);
    });
  });

  test("each alert is silent where all is well and speaks in its trouble, and the cases notice one that does not", () => {
    const { code, output } = said(program, ["test", "rules", inRoot(CASES)]);
    assert.equal(code, 0, output);
    const cases = read(CASES);
    for (const { alert } of rules) assert.ok(cases.includes(`{alertname="${alert}"}`), `${alert} has a case`);
    for (const [from, to] of [
      ["> 3600", "> 36000"],
      ["== 0\n        for: 2m", "== 1\n        for: 2m"],
      ["keyveil_kms_breaker_open", "keyveil_kms_broken"],
    ]) {
      const files = { "alerts.yaml": read(ALERTS).replaceAll(from, to), "alerts.test.yaml": cases };
      assert.notEqual(files["alerts.yaml"], read(ALERTS), from);
      const wrong = withFiles(files, (folder) => said(program, ["test", "rules", join(folder, "alerts.test.yaml")]));
      assert.notEqual(wrong.code, 0, from);
    }
  });

  test("every query of the dashboard is one that Prometheus understands", () => {
    const plain = (expr) => expr.replaceAll("$__rate_interval", "5m").replaceAll("$job", ".+");
    const rule = (expr, index) => ({ record: `panel:${index}`, expr: plain(expr) });
    const groups = (exprs) => JSON.stringify({ groups: [{ name: "dashboard", rules: exprs.map(rule) }] });
    const check = (exprs) =>
      withFiles({ "rules.json": groups(exprs) }, (folder) =>
        said(program, ["check", "rules", join(folder, "rules.json")]),
      );
    const { code, output } = check(targets.map(({ expr }) => expr));
    assert.equal(code, 0, output);
    assert.notEqual(check([targets[0].expr.replace("rate(", "rait(")]).code, 0);
  });
});

describe("metrics", () => {
  const expressions = [...rules, ...targets].map(({ expr }) => expr);

  test("each one that a query names is listed in docs/OPERATION.md, with its labels", { skip: unlisted }, () => {
    assert.ok(listed.size > 10, "the table is found");
    assert.deepEqual(expressions.flatMap(unknown), []);
    assert.equal(unknown("rate(keyveil_request_total[5m])").length, 1);
    assert.equal(unknown('keyveil_jobs{status="queued"}').length, 1);
    assert.equal(unknown("rate(keyveil_request_duration_seconds_bucket[5m])").length, 0);
  });

  test("each one that there is, is on the dashboard", { skip: unlisted }, () => {
    const shown = targets.map(({ expr }) => expr).join("\n");
    assert.deepEqual(
      [...listed.keys()].filter((name) => !shown.includes(name)),
      [],
    );
  });

  test("codes that queries name are ones that the server gives", () => {
    const documented = `${read("docs/PROTOCOL.md")}${read("docs/WORKFLOW.md")}`;
    const codes = new Set([...documented.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, code]) => code));
    for (const expr of expressions) {
      for (const [, pattern] of expr.matchAll(/\bcode=~?"([^"]+)"/g)) {
        assert.ok(
          [...codes].some((code) => new RegExp(`^(?:${pattern})$`).test(code)),
          pattern,
        );
      }
    }
  });

  test("panels lie side by side and are told apart", () => {
    const ids = dashboard.panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    assert.equal(new Set(cells).size, cells.length, "none lies on another");
    assert.ok(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24));
    assert.ok(targets.length > 20 && targets.every(({ datasource }) => datasource.uid.includes("datasource")));
  });
});

/** Metrics, or labels of them, that the table does not have. */
function unknown(expr) {
  return [...expr.matchAll(/\b(keyveil_\w+?)(?:_(bucket|sum|count))?\b(?:\{([^}]*)\})?/g)].flatMap(
    ([, base, part, within = ""]) => {
      const whole = part ? `${base}_${part}` : base;
      const found = listed.get(whole) ?? (listed.get(base)?.type === "histogram" ? listed.get(base) : undefined);
      if (!found) return [whole];
      const labels = [...within.matchAll(/(\w+)\s*(?:=~|!=|=|!~)/g)].map(([, label]) => label);
      return labels
        .filter((label) => !["job", "instance", "le"].includes(label) && !found.labels.includes(`\`${label}\``))
        .map((label) => `${whole}{${label}}`);
    },
  );
}
