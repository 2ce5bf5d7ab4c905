// Playback levels: what a play request says of its player, and what rules make of a level.
import { highestTrack, LEVELS, statedLevel, TRACK_CLASSES } from "./independent.mjs";

const request = (fields) => ({ psign: "a.b.c", publicKey: "", buildId: "", positionMs: 0, ...fields });
// As a player that knows levels writes the body.
const written = [
  { level: "sealed", downgrade: null },
  ...["browser", "application", "own_hls", "hls_settings"].map((downgrade) => ({ level: "guarded", downgrade })),
];
const read = [{}, { level: null, downgrade: null }, { level: "sealed" }];
const malformed = [
  ["sealed with a reason", { level: "sealed", downgrade: "browser" }],
  ["guarded without a reason", { level: "guarded", downgrade: null }],
  ["guarded and nothing else", { level: "guarded" }],
  ["a reason without a level", { downgrade: "browser" }],
  ["an unknown reason", { level: "guarded", downgrade: "weather" }],
  ["what the server puts in", { level: "guarded", downgrade: "old_player" }],
  ["a title's level", { level: "standard", downgrade: "browser" }],
  ["a title's level alone", { level: "standard" }],
  ["an unknown level", { level: "hardware" }],
  ["a level in capitals", { level: "SEALED" }],
  ["a level no text", { level: 2 }],
  ["reasons in a list", { level: "guarded", downgrade: ["browser"] }],
].map(([name, fields]) => ({ name, body: JSON.stringify(request(fields)), code: "malformed_request" }));
const twice = (name, value) => {
  const body = JSON.stringify(request({ level: "sealed" })).replace(/}$/, `,"${name}":${value}}`);
  return { name: `${name} given twice`, body, code: "malformed_request" };
};

function rules() {
  const any = { minLevel: "standard", belowMinLevel: "refuse" };
  const upTo = (minLevel, belowMinLevel) => ({ minLevel, belowMinLevel });
  const single = LEVELS.flatMap((minLevel) =>
    ["refuse", ...TRACK_CLASSES].map((below) => [upTo(minLevel, below), any]),
  );
  const pairs = [
    [upTo("sealed", "refuse"), upTo("guarded", "UHD")],
    [upTo("sealed", "SD"), upTo("sealed", "AUDIO")],
    [upTo("sealed", "SD"), upTo("guarded", "refuse")],
    [upTo("guarded", "HD"), upTo("sealed", "SD")],
  ];
  const both = [...single, ...single.map(([one, other]) => [other, one]), ...pairs];
  return both.flatMap(([app, signature]) =>
    LEVELS.map((level) => ({ app, signature, level, highestTrack: highestTrack([app, signature], level) })),
  );
}

export function levelVectors() {
  const accepted = (isWritten) => (fields) => ({
    body: JSON.stringify(request(fields)),
    written: isWritten,
    ...statedLevel(fields),
  });
  return {
    requests: [...written.map(accepted(true)), ...read.map(accepted(false))],
    malformed: [...malformed, twice("level", '"sealed"'), twice("downgrade", 'null,"downgrade":null')],
    rules: rules(),
  };
}
