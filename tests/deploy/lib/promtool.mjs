// Prometheus' own checker. Debian's package would start a server with it: the one program is taken out of the package.
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { targetDir } from "../../../scripts/lib/places.mjs";
import { present, said } from "./tools.mjs";

/** Where it is; null where it can't be had. */
export function promtool() {
  if (present("promtool", "--version")) return "promtool";
  const folder = join(targetDir, "promtool");
  const program = join(folder, "usr", "bin", "promtool");
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    said("apt-get", ["download", "prometheus"], { cwd: folder });
    const found = readdirSync(folder).find((name) => name.endsWith(".deb"));
    if (found) said("dpkg-deb", ["--extract", found, "."], { cwd: folder });
  }
  return present(program, "--version") ? program : null;
}
