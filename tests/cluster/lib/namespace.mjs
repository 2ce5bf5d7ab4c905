// A network of its own for one process, behind a cable that can be pulled: Linux' network namespaces, which only root may make.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { relay } from "./relays.mjs";

const ip = (...args) => execFileSync("ip", args, { stdio: "pipe" });

export class Namespace {
  /** Our end of the cable, and the other one. */
  #relays = [];

  static make() {
    const namespace = new Namespace();
    const name = randomBytes(3).toString("hex");
    const net = `10.213.${randomBytes(1)[0]}`;
    Object.assign(namespace, { name: `kv-${name}`, end: `kv${name}b`, here: `${net}.1`, there: `${net}.2` });
    const inside = ["-n", namespace.name];
    ip("netns", "add", namespace.name);
    ip("link", "add", `kv${name}a`, "type", "veth", "peer", "name", namespace.end, "netns", namespace.name);
    ip("addr", "add", `${namespace.here}/24`, "dev", `kv${name}a`);
    ip("link", "set", `kv${name}a`, "up");
    ip(...inside, "addr", "add", `${namespace.there}/24`, "dev", namespace.end);
    for (const device of [namespace.end, "lo"]) ip(...inside, "link", "set", device, "up");
    return namespace;
  }

  /** Runs a command in it. */
  wrap(command, args) {
    return ["ip", ["netns", "exec", this.name, command, ...args]];
  }

  /** The same address as it is seen from inside, passed on to a port of this machine. */
  async reach(address) {
    const url = new URL(address);
    const member = await relay(this.here, Number(url.port));
    this.#relays.push(member);
    await member.start();
    url.host = `${this.here}:${member.port}`;
    return url.href.replace(/\/$/, "");
  }

  /** From here on nothing comes through. At its other end: without ours, what is meant for it would go to whatever else there is. */
  pull() {
    ip("-n", this.name, "link", "set", this.end, "down");
  }

  plugIn() {
    ip("-n", this.name, "link", "set", this.end, "up");
  }

  async remove() {
    for (const member of this.#relays) await member.stop();
    ip("netns", "del", this.name);
  }
}

/** Why there can be none here, or null. */
export function cannotMakeNamespace() {
  try {
    const name = `kv-${randomBytes(3).toString("hex")}`;
    ip("netns", "add", name);
    ip("netns", "del", name);
    return null;
  } catch (error) {
    return `no network namespace can be made (${String(error.stderr ?? error.message).trim()}): nothing was checked`;
  }
}
