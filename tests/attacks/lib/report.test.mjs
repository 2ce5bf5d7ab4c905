import assert from "node:assert/strict";
import { test } from "node:test";
import { failuresOf, tableOf } from "./report.mjs";

const row = { class: 1, order: 7, attack: "bodies", player: 0, control: 3, figure: "12 bodies", tier: "promised" };
const specs = ["/tests/attacks/01-network.spec.mjs"];

test("a row with its control caught and no leak is no failure", () => {
  assert.deepEqual(failuresOf([row], specs, false), []);
  assert.deepEqual(failuresOf([{ ...row, tier: "costly", player: 5 }], specs, false), []);
});

test("a leak, a control that was not caught and a class without a record are failures", () => {
  assert.match(failuresOf([{ ...row, player: 1 }], specs, false).join(), /the player leaks \(1\)/);
  assert.match(failuresOf([{ ...row, control: 0 }], specs, false).join(), /control not caught/);
  assert.match(failuresOf([{ ...row, control: 0, tier: "costly" }], specs, false).join(), /control not caught/);
  assert.deepEqual(failuresOf([], specs, false), ["class 1: nothing was recorded"]);
});

test("a whole run has all twelve classes", () => {
  const rows = Array.from({ length: 12 }, (_, index) => ({ ...row, class: index + 1 }));
  assert.deepEqual(failuresOf(rows, specs, true), []);
  assert.deepEqual(failuresOf(rows.slice(1), specs, true), ["class 1: nothing was recorded"]);
});

test("the table is in the order of classes, and says what tier a figure is of", () => {
  const rows = [{ ...row, class: 7, tier: "costly", player: 4, attack: "a|b" }, row, { ...row, order: 3, control: 0 }];
  const lines = tableOf(rows).split("\n").slice(2);
  assert.match(lines[0], /^\| 1 Network capture \| bodies \| 0 \| NOT CAUGHT \| 12 bodies \|$/);
  assert.match(lines[1], /caught: 3/);
  assert.match(lines[2], /^\| 7 WebAssembly \| a\\\|b \| 4 \(costly\) \|/);
});
