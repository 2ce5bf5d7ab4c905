// What the end-to-end tests run on, by KEYVEIL_SETUP: `embedded`, what `npm start` starts, or `cluster`, tests/cluster.
import { Stop } from "./steps.mjs";

const SETUPS = ["embedded", "cluster"];

export function isCluster() {
  const setup = process.env.KEYVEIL_SETUP || "embedded";
  if (!SETUPS.includes(setup))
    throw new Stop(`KEYVEIL_SETUP must be ${SETUPS.join(" or ")}, not "${setup}"`, { code: 2 });
  return setup === "cluster";
}
