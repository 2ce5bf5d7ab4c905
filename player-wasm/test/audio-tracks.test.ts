import { expect, test } from "vitest";
import { AudioTracks } from "../ts/element/audio-tracks.js";
import type { KeyveilPlayer } from "../ts/page/player.js";

function followed() {
  const player = {
    audioTracks: [
      { id: 0, name: "eng", language: "en" },
      { id: 1, name: "Director", language: "" },
    ],
    audioTrack: 0,
  };
  const tracks = new AudioTracks();
  const events: string[] = [];
  for (const type of ["addtrack", "removetrack", "change"]) tracks.addEventListener(type, () => events.push(type));
  const follow = () => tracks.follow(player as unknown as KeyveilPlayer);
  follow();
  const enabled = () => [...tracks].map((track) => track.enabled);
  return { player, tracks, events, follow, enabled };
}

test("audio tracks are listed once, under names that viewers read", () => {
  const { tracks, events, follow, enabled } = followed();
  follow();
  expect([...tracks].map(({ id, label }) => [id, label])).toEqual([
    ["0", "English"],
    ["1", "Director"],
  ]);
  expect([enabled(), events]).toEqual([[true, false], ["addtrack"]]);
});

test("the menu chooses one, as it does: by setting all of them", () => {
  const { player, tracks, events, enabled } = followed();
  for (const track of tracks) track.enabled = track.id === "1";
  expect([player.audioTrack, enabled(), events]).toEqual([1, [false, true], ["addtrack", "change"]]);
});

test("what the player chose otherwise is marked, and nothing is left without a player", () => {
  const { player, tracks, events, follow, enabled } = followed();
  player.audioTrack = 1;
  follow();
  expect([enabled(), events]).toEqual([
    [false, true],
    ["addtrack", "change"],
  ]);
  tracks.follow(null);
  expect([tracks.length, events.at(-1)]).toEqual([0, "removetrack"]);
});
