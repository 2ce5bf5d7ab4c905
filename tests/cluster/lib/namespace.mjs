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
    Object.assign(namespace, { name: `kv-${name}`, cable: `kv${name}a`, here: `${net}.1`, there: `${net}.2` });
    const inside = ["-n", namespace.name];
    ip("netns", "add", namespace.name);
    ip("link", "add", namespace.cable, "type", "veth", "peer", "name", `kv${name}b`, "netns", namespace.name);
    ip("addr", "add", `${namespace.here}/24`, "dev", namespace.cable);
    ip("link", "set", namespace.cable, "up");
    ip(...inside, "addr", "add", `${namespace.there}/24`, "dev", `kv${name}b`);
    for (const device of [`kv${name}b`, "lo"]) ip(...inside, "link", "set", device, "up");
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

  /** From here on nothing comes through, and nobody is told. */
  pull() {
    ip("link", "set", this.cable, "down");
  }

  plugIn() {
    ip("link", "set", this.cable, "up");
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
