// How each sample of docs/samples is run, and what this machine lacks for it. Nothing is installed here.
import { copyFileSync, existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, works } from "../../../scripts/lib/children.mjs";
import { inRoot } from "../../../scripts/lib/places.mjs";
import { pythonTool } from "../../../scripts/lib/python-tools.mjs";

const sample = (...path) => inRoot("docs/samples", ...path);
/** Debian's golang-github-golang-jwt-jwt-dev; its code is the same under the names v4 and v5. */
const DEBIAN_GO_LIBRARY = "/usr/share/gocode/src/github.com/golang-jwt/jwt";

/** `prepare(folder)` answers `{ command, args, … }` of `run`, or `{ lacking }`: what is not there. */
export const RUNTIMES = [
  { name: "Node", prepare: async () => ({ command: process.execPath, args: [sample("node/sign.mjs")] }) },
  { name: "Python", prepare: preparePython },
  { name: "Go", prepare: prepareGo },
  { name: "Java", prepare: prepareJava },
  { name: "PHP", prepare: preparePhp },
];

async function preparePython() {
  for (const python of [pythonTool("python"), "python3"]) {
    if (await works(python, ["-c", "import jwt; jwt.encode"]))
      return { command: python, args: [sample("python/sign.py")] };
  }
  return { lacking: (await works("python3")) ? "PyJWT" : "python3" };
}

/** Built in a folder of its own: a sample is one file, as it would be in a module of its reader's. */
async function prepareGo(folder) {
  if (!(await works("go", ["version"]))) return { lacking: "go" };
  const module = mkdtempSync(join(folder, "go-"));
  copyFileSync(sample("go/sign.go"), join(module, "sign.go"));
  const library = "github.com/golang-jwt/jwt/v5 v5.2.3";
  const replace = existsSync(DEBIAN_GO_LIBRARY) ? `replace ${library} => ${DEBIAN_GO_LIBRARY}\n` : "";
  writeFileSync(join(module, "go.mod"), `module example.com/sign\n\ngo 1.18\n\nrequire ${library}\n\n${replace}`);
  const caches = {
    GOCACHE: join(folder, "go-cache"),
    GOFLAGS: "-mod=mod",
    GOTOOLCHAIN: "local",
    HOME: process.env.HOME,
  };
  const options = { cwd: module, env: { ...caches, ...(replace && { GOPROXY: "off" }) } };
  if (!(await works("go", ["list", "-deps", "."], options))) return { lacking: "golang-jwt" };
  await run("go", ["build", "-o", "sign", "."], options);
  return { command: join(module, "sign"), args: [] };
}

async function prepareJava() {
  // A source file is run by a JDK only.
  if (!(await works("javac", ["-version"]))) return { lacking: "a JDK" };
  return { command: "java", args: [sample("java/Sign.java")] };
}

async function preparePhp() {
  return (await works("php", ["--version"])) ? { command: "php", args: [sample("php/sign.php")] } : { lacking: "php" };
}
