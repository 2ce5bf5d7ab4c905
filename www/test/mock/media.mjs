import { Refused } from "./http.mjs";

export const mediaRoutes = [
  ["GET", "/media/:fileId/cover.svg", cover, { anonymous: true }],
  [
    "POST",
    "/v1/player-signatures",
    ({ body }) => ({ psign: `mock.${body.fileId}.psign`, expiresAt: Math.floor(Date.now() / 1000) + 3600 }),
  ],
  // There is no media behind the stand-in: the player says that it may not play.
  [
    "POST",
    "/v1/play",
    () => {
      throw new Refused(401, "psign_signature");
    },
    { anonymous: true, raw: true },
  ],
];

const HUES = [205, 28, 350, 96, 255, 170];

/** A landscape in colours of the title's own. */
function cover({ names, response }) {
  const seed = Number(names.fileId.replace(/\D/g, "")) || 1;
  const hue = HUES[seed % HUES.length];
  const peak = 40 + ((seed * 37) % 60);
  const colour = (lightness, turn = 0) => `hsl(${hue + turn} 34% ${lightness}%)`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 180"><defs><linearGradient id="s" x1="0" y1="0" x2="0" y2="1"><stop stop-color="${colour(34)}"/><stop offset="1" stop-color="${colour(72, 25)}"/></linearGradient></defs><path fill="url(#s)" d="M0 0h320v180H0z"/><circle cx="${80 + ((seed * 53) % 160)}" cy="70" r="22" fill="${colour(88, 30)}"/><path fill="${colour(28)}" d="M0 140 70 ${peak + 40}l60 50 70-${peak}L320 150v30H0z"/><path fill="${colour(17)}" d="M0 165l90-30 80 24 70-22 80 26v17H0z"/></svg>`;
  response.writeHead(200, { "Content-Type": "image/svg+xml" }).end(svg);
}
