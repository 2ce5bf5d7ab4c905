import assert from "node:assert/strict";
import { test } from "node:test";
import { sideBySide } from "./suite.mjs";

/** A check that says its name three times, with pauses of so long. */
function check(name, pauseSecs, code = 0) {
  const script = `for number in 1 2 3; do echo "${name} $number"; sleep ${pauseSecs}; done; exit ${code}`;
  return { name, kind: "check", command: "sh", args: ["-c", script] };
}

test("suites side by side: each one's lines stand together, and one that fails fails alone", async () => {
  const lines = [];
  const results = await sideBySide([check("slow", 0.2), check("quick", 0, 3), check("slower", 0.3)], (line) =>
    lines.push(line),
  );
  const said = lines.filter((line) => !line.includes("──"));
  const names = ["slow", "quick", "slower"];
  assert.deepEqual(
    said,
    names.flatMap((name) => [1, 2, 3].map((number) => `${name} ${number}`)),
  );
  assert.deepEqual(
    results.map(({ name, ok, why }) => [name, ok, why]),
    [
      ["slow", true, ""],
      ["quick", false, "exit code 3"],
      ["slower", true, ""],
    ],
  );
  assert.deepEqual(results[1].failures, [{ name: "exit code 3", lines: ["quick 1", "quick 2", "quick 3"] }]);
});
