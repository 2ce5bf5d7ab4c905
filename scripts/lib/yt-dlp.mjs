// yt-dlp for the attack tests, in a virtual environment of this clone. Always the newest that can be had: a downloader of last
// year proves little. What is there already is kept.
import { run, works } from "./children.mjs";
import { inRoot } from "./places.mjs";
import { Stop } from "./steps.mjs";

const VENV = inRoot(".venv");

export async function ensureYtDlp({ wait }) {
  const ytDlp = `${VENV}/bin/yt-dlp`;
  if (!(await works(ytDlp))) {
    wait("python3 -m venv");
    await checked("python3", ["-m", "venv", VENV]);
    wait("pip install yt-dlp");
    await checked(`${VENV}/bin/python`, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "yt-dlp"]);
  }
  return (await run(ytDlp, ["--version"])).trim();
}

async function checked(command, args) {
  await run(command, args).catch((error) => {
    throw new Stop(`${command} ${args.slice(0, 3).join(" ")} failed.`, { output: error.output });
  });
}
