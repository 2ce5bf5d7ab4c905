// `npm run load:cluster [-- --rounds N --millis N]`: what a second replica adds, and what is lost when one is killed under load. Each replica has
// one core of its own, PostgreSQL and the load (tests/src/bin/load, real requests for keys) share the others. Writes JSON.
import { parseArgs } from "node:util";
import { underLoad } from "./lib/under-load.mjs";

/** Of what two took: so much is asked for when one is killed. */
const KILLED_AT = "0.7";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, millis: { type: "string", default: "5000" } },
});
const options = ["--rounds", values.rounds, "--millis", values.millis, "--kill-at", KILLED_AT];
const told = await underLoad(({ load }) => load("replicas", options));
process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
