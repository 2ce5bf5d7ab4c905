// Instructions of native work, counted by callgrind: the same on a busy machine as on an idle one. Of each work there are two runs, one
// of which does it more often; the difference is the work's own. valgrind knows no SHA extensions and no AVX-512: what is counted
// is the code that runs without them.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { run, start, stop } from "../../scripts/lib/children.mjs";
import { binary, keyServerBinary } from "../../scripts/lib/places.mjs";
import { ensureSystem, VALGRIND } from "../../scripts/lib/system.mjs";

const GROUP = "Instructions";
const WORKS = [
  { work: "seal", metric: "HPKE seal of a play grant", times: [20, 120] },
  { work: "grant", metric: "a play grant: keys, MAC key, seal", times: [20, 120], beside: "HPKE seal of a play grant" },
  { work: "aes", metric: "aes-128-cbc encryption of a segment of 1 MiB", times: [1, 5] },
  { work: "chacha", metric: "chacha20-poly1305 encryption of a segment of 1 MiB", times: [1, 5] },
];

export async function rows(context) {
  await ensureSystem([VALGRIND], { wait: context.log });
  const folder = context.scratch();
  const list = [];
  const byMetric = new Map();
  for (const { work, metric, times, beside } of WORKS) {
    context.log(`instructions: ${metric}`);
    const [few, many] = [];
    const counts = [];
    for (const count of times) counts.push(await counted(folder, [binary("load"), "counted", work, String(count)]));
    const each = (counts[1] - counts[0]) / (times[1] - times[0]);
    byMetric.set(metric, each);
    const peers = beside ? [{ name: beside, value: byMetric.get(beside) / 1e6 }] : [];
    list.push({ group: GROUP, metric, unit: "million", ours: each / 1e6, peers });
  }
  return list;
}
