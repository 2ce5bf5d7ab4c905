// Runs schemathesis against a server, and reads its reports.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inRoot } from "../../../scripts/lib/places.mjs";
import { pythonTool } from "../../../scripts/lib/python-tools.mjs";

const SEED = 20_260;
const HOOKS = inRoot("tests/api/lib/media_types.py");
const SCHEMATHESIS = process.env.KEYVEIL_SCHEMATHESIS || pythonTool("schemathesis");

/** What openapi-spec-validator says against a document; empty when it is valid. */
export async function invalidities(file) {
  const { code, output } = await execute(pythonTool("openapi-spec-validator"), ["--errors", "all", file]);
  return code === 0 ? "" : output;
}

/**
 * Asks these operations ("METHOD /path" as in the document). `headers` go with each request; `known` are values of path
 * parameters. Answers { output, complete, accepted: { operation: count }, operations: [{ name, failure }] }.
 */
export async function ask({ folder, url, headers, known = {}, operations, examples }) {
  mkdirSync(folder, { recursive: true });
  const config = join(folder, "schemathesis.toml");
  writeFileSync(config, configuration(headers, known), { mode: 0o600 });
  const report = (format) => join(folder, `report.${format}`);
  const filters = operations.flatMap((name) => ["--include-name", name]);
  const args = [
    "--config-file",
    config,
    "run",
    `${url}/v1/openapi.json`,
    "--no-color",
    "--checks",
    "not_a_server_error",
  ];
  args.push("--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--max-examples", String(examples));
  // Nothing is kept between runs, and nothing depends on chance: what failed once fails again.
  args.push("--seed", String(SEED), "--generation-database", "none");
  args.push("--request-timeout", "30", "--suppress-health-check", "all", ...filters);
  args.push("--report", "junit,json", "--report-junit-path", report("xml"), "--report-json-path", report("json"));
  const { output } = await execute(SCHEMATHESIS, args, folder);
  let summary;
  try {
    summary = JSON.parse(readFileSync(report("json"), "utf8"));
  } catch {
    throw new Error(`schemathesis made no report:\n${output}`);
  }
  const accepted = Object.entries(summary.valid_rates).map(([name, phases]) => {
    const counts = Object.values(phases).map((phase) => phase.accepted);
    return [name, counts.reduce((sum, count) => sum + count, 0)];
  });
  return {
    output,
    summary,
    complete: summary.complete && summary.operations.errored === 0 && summary.errors.length === 0,
    accepted: Object.fromEntries(accepted),
    operations: testCases(readFileSync(report("xml"), "utf8")),
  };
}

function configuration(headers, known) {
  const table = (name, entries) => {
    const lines = Object.entries(entries).map(([key, value]) => `${JSON.stringify(key)} = ${JSON.stringify(value)}`);
    return `[${name}]\n${lines.join("\n")}\n`;
  };
  const parameters = Object.fromEntries(Object.entries(known).map(([name, value]) => [`path.${name}`, value]));
  return `hooks = ${JSON.stringify(HOOKS)}\n${table("headers", headers)}\n${table("parameters", parameters)}`;
}

function testCases(xml) {
  const cases = xml.split("<testcase ").slice(1);
  return cases.map((text) => {
    const name = unescaped(/^name="([^"]*)"/.exec(text)[1]);
    const failed = /<(failure|error)[^>]*>([\s\S]*?)<\/\1>/.exec(text);
    return { name, failure: failed === null ? null : unescaped(failed[2]) };
  });
}

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&" };
const unescaped = (text) => text.replace(/&(?:lt|gt|quot|apos|amp);/g, (entity) => ENTITIES[entity]);

function execute(program, args, cwd = inRoot(".")) {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error?.code === "ENOENT") reject(error);
      else resolve({ code: error === null ? 0 : (error.code ?? error.signal), output: `${stdout}${stderr}` });
    });
  });
}
