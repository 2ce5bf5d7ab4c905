// Instructions of native work, counted by callgrind: the same on a busy machine as on an idle one. Of each work there are two runs, one
// of which does it more often; the difference is the work's own. valgrind knows neither SHA extensions nor AVX-512: what is counted
// is the code that runs without them. The work is that of `load counted` (tests/src/bin/load/counted.rs).
import { run } from "../../scripts/lib/children.mjs";
import { binary } from "../../scripts/lib/places.mjs";
import { ensureSystem, VALGRIND } from "../../scripts/lib/system.mjs";

const GROUP = "Instructions";
const SEAL = "HPKE seal of a play grant";
const WORKS = [
  { work: "seal", metric: SEAL, times: [20, 120] },
  { work: "grant", metric: "all of a play grant: keys, server key, seal", times: [20, 120], beside: SEAL },
  { work: "aes", metric: "aes-128-cbc encryption of 1 MiB", times: [1, 5] },
  { work: "chacha", metric: "chacha20-poly1305 encryption of 1 MiB", times: [1, 5] },
];

export async function rows({ log }) {
  await ensureSystem([VALGRIND], { wait: log });
  const millions = new Map();
  for (const { work, metric, times } of WORKS) {
    log(`instructions: ${metric}`);
    const [few, many] = [await counted(work, times[0]), await counted(work, times[1])];
    millions.set(metric, (many - few) / (times[1] - times[0]) / 1e6);
  }
  return WORKS.map(({ metric, beside }) => {
    const peers = beside ? [{ name: beside, value: millions.get(beside) }] : [];
    return { group: GROUP, metric, unit: "million", ours: millions.get(metric), peers };
  });
}

/** Instructions of a whole run. */
async function counted(work, times) {
  let collected;
  const onLine = (line) => {
    collected ??= line.match(/Collected\s*:\s*(\d+)/)?.[1];
  };
  const tool = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
  await run("valgrind", [...tool, binary("load"), "counted", work, String(times)], { onLine });
  if (collected === undefined) throw new Error("callgrind did not say what it counted");
  return Number(collected);
}
