// Tools of the tests that come from PyPI, in a virtual environment of this clone.
import { run, works } from "./children.mjs";
import { inRoot } from "./places.mjs";
import { Stop } from "./steps.mjs";

const VENV = inRoot(".venv");
const PYTHON = `${VENV}/bin/python`;

/** A program that one of them brings. */
export const pythonTool = (name) => `${VENV}/bin/${name}`;

const TOOLS = [
  // For the attack tests. The newest that can be had when it is installed: a downloader of last year proves little.
  { name: "yt-dlp", version: null },
  // For the API tests: the same version and the same seed ask the same questions.
  { name: "schemathesis", version: "4.32.5" },
  { name: "openapi-spec-validator", version: "0.9.0" },
  // For the signing samples.
  { name: "PyJWT", version: "2.15.1" },
];

/** Python with venv and pip. */
export const PYTHON_VENV = {
  name: "Python 3 with venv",
  package: "python3-venv",
  check: () => works("python3", ["-c", "import ensurepip, venv"]),
};

/** Installs what is missing or of another version; what is there already is kept. Answers what there is. */
export async function ensurePythonTools({ wait }) {
  if (!(await works(PYTHON, ["-m", "pip", "--version"]))) {
    wait("python3 -m venv");
    await checked("python3", ["-m", "venv", "--clear", VENV]);
  }
  const found = await versions();
  const missing = TOOLS.filter(({ name, version }) => !found[name] || (version !== null && found[name] !== version));
  if (missing.length > 0) {
    const wanted = missing.map(({ name, version }) => (version === null ? name : `${name}==${version}`));
    wait(`pip install ${wanted.join(" ")}`);
    await checked(PYTHON, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...wanted]);
  }
  const all = await versions();
  return TOOLS.map(({ name }) => `${name} ${all[name]}`).join(", ");
}

async function versions() {
  const names = JSON.stringify(TOOLS.map(({ name }) => name));
  const script = [
    "import importlib.metadata as m, json",
    `names = ${names}`,
    "print(json.dumps({d.metadata['Name']: d.version for d in m.distributions() if d.metadata['Name'] in names}))",
  ];
  return JSON.parse(await run(PYTHON, ["-c", script.join("\n")]));
}

async function checked(command, args) {
  await run(command, args).catch((error) => {
    throw new Stop(`${command} ${args.slice(0, 3).join(" ")} failed.`, { output: error.output });
  });
}
