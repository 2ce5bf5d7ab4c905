// Disks that are soon full: tmpfs, which only root may mount.
import { execFileSync } from "node:child_process";
import { remove, scratch } from "../../e2e/lib/installation.mjs";

const mount = (...args) => execFileSync("mount", args, { stdio: "pipe" });

/** From now on `folder` is an empty disk of so many bytes (a number, or as mount(8) takes it: `64m`). */
export const mountSmall = (folder, bytes) => mount("-t", "tmpfs", "-o", `size=${bytes}`, "keyveil-test", folder);

/** The same disk, of another size. */
export const remount = (folder, bytes) => mount("-o", `remount,size=${bytes}`, folder);

export const unmount = (folder) => execFileSync("umount", ["--lazy", folder]);

/** Why no small disk can be had here, or null. */
export function cannotMount() {
  const place = scratch();
  try {
    mountSmall(place, "1m");
    execFileSync("umount", [place]);
    return null;
  } catch (error) {
    return `no tmpfs can be mounted (${String(error.stderr ?? error.message).trim()}): nothing was checked`;
  } finally {
    remove(place);
  }
}
