// Ways to a port of this machine, each a process of its own.
import { fileURLToPath } from "node:url";
import { start } from "../../../scripts/lib/children.mjs";
import { freePort } from "../../faults/lib/ports.mjs";
import { until } from "../../faults/lib/wait.mjs";
import { Member } from "./member.mjs";

const RELAY = fileURLToPath(new URL("relay.mjs", import.meta.url));

/** From a free port at `host` to the port `to`; not started yet. */
export async function relay(host, to, name = "relay") {
  const port = await freePort();
  const begin = async () => {
    let listens = false;
    const onLine = () => {
      listens = true;
    };
    const child = start(process.execPath, [RELAY, host, String(port), String(to)], { onLine });
    await until(`the way to port ${to}`, () => listens);
    return child;
  };
  return Object.assign(new Member(name, begin), { port });
}
