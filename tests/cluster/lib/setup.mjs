// KEYVEIL_SETUP=cluster: the end-to-end tests run on a cluster. The engines live as long as the run, the servers as long as a spec.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Demo } from "../../../scripts/lib/demo.mjs";
import { inRoot } from "../../../scripts/lib/places.mjs";
import { uploadOnce } from "../../../scripts/lib/upload.mjs";
import { Cluster } from "./cluster.mjs";
import { Engines, Place } from "./engines.mjs";

const QUIET = { wait: () => null, progress: () => null };

/** Starts the engines of a run; every process that it starts from now on finds them by its environment. Answers how they end. */
export async function startEngines() {
  const engines = await Engines.start();
  const place = await engines.makePlace("keyveil");
  Object.assign(process.env, place.env, { KEYVEIL_TEST_PLACE: JSON.stringify(place) });
  return () => engines.stop();
}

let started = 0;

/** As `start` of tests/e2e/lib/installation.mjs promises, and no more. */
export async function startCluster(file, { data, port, workflow, env }) {
  if (!file) throw new Error("a cluster has no demonstration clip: name a file");
  const place = new Place(JSON.parse(process.env.KEYVEIL_TEST_PLACE));
  started += 1;
  const logFile = inRoot("tests/test-results/cluster", `${process.pid}-${started}.log`);
  const cluster = await Cluster.start({ data, place, port, env, logFile });
  try {
    const { demo } = await Demo.open(cluster);
    await demo.makeWorkflow(workflow);
    const { fileId, psign } = await uploadOnce(file, cluster, demo, workflow, QUIET);
    return {
      playerUrl: `${cluster.url}/player/#${new URLSearchParams({ file: fileId, psign })}`,
      consoleUrl: `${cluster.url}/console/`,
      user: demo.user,
      isCached: true,
      mediaFolder: (wanted) => fetched(place, wanted, join(data, "fetched", wanted)),
      output: () => cluster.log.text,
      async stop() {
        const bad = await cluster.stop();
        return { code: bad.length === 0 ? 0 : 1, signal: null, bad };
      },
    };
  } catch (error) {
    await cluster.stop();
    error.message += `\n${error.output ?? ""}\n${cluster.log.text}`;
    throw error;
  }
}

/** A title's media out of the bucket. */
async function fetched(place, fileId, folder) {
  for (const [path, bytes] of await place.media(fileId)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return folder;
}
