import { expect, test, vi } from "vitest";
import { Arrived } from "../ts/worker/arrived.js";
import { ClearBytes, likelyLength } from "../ts/worker/clear-bytes.js";

function box(type: string, size: number, header = size): Uint8Array {
  const bytes = new Uint8Array(header);
  if (header < 8) return bytes;
  new DataView(bytes.buffer).setUint32(0, size);
  bytes.set(new TextEncoder().encode(type), 4);
  return bytes;
}

const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

/** Begins like a fragment; its `mdat` is longer than what is there. */
const FRAGMENT = joined(box("styp", 24), box("moof", 200), box("mdat", 5000, 100));

test("a fragment's length is in its boxes, where padding can be all that is behind them", () => {
  const length = 24 + 200 + 5000;
  for (const padding of [0, 1, 15]) expect(likelyLength(FRAGMENT, length + padding)).toBe(length);
  for (const other of [length - 1, length + 16, length + 3000]) expect(likelyLength(FRAGMENT, other)).toBe(other);
});

test("a transport stream is whole packets", () => {
  const packets = new Uint8Array(188 * 3).fill(0x47);
  expect(likelyLength(packets, 188 * 50 + 7)).toBe(188 * 50);
  expect(likelyLength(packets, 188 * 50 + 100), "no length of packets").toBe(188 * 50 + 100);
});

test("what is neither has the length it can have at most", () => {
  for (const other of [
    new TextEncoder().encode("WEBVTT\n\n"),
    new Uint8Array(40),
    box("free", 0, 8),
    new Uint8Array(3),
  ])
    expect(likelyLength(other, 3000)).toBe(3000);
});

/** What is taken, and whether it was copied to be as short as it is. */
function gathered(lengthMax: number, media: Uint8Array, pieceBytes: number) {
  const copied = vi.spyOn(ArrayBuffer.prototype, "slice");
  const clear = new ClearBytes(lengthMax);
  for (let at = 0; at < media.length; at += pieceBytes) clear.append(media.subarray(at, at + pieceBytes));
  const buffer = clear.take();
  const copies = copied.mock.calls.length;
  copied.mockRestore();
  return { bytes: new Uint8Array(buffer), copies };
}

test("a segment whose length was guessed right is handed over as it is", () => {
  const media = joined(box("styp", 24), box("moof", 200), box("mdat", 5000));
  expect(gathered(media.length + 12, media, 1000)).toEqual({ bytes: media, copies: 0 });
});

test("a wrong guess, and none at all, costs a copy and no byte", () => {
  const media = joined(box("styp", 24), box("moof", 200), box("mdat", 4990), new Uint8Array(10).fill(7));
  const known = media.length + 3;
  expect(gathered(known, media, 1000)).toEqual({ bytes: media, copies: 1 });
  expect(gathered(0, media, 1000), "unknown").toEqual({ bytes: media, copies: 1 });
  expect(gathered(100, media, 1000).bytes, "told too short").toEqual(media);
});

test("memory is taken by what is there and not by what is said of it", () => {
  const made: number[] = [];
  const Original = Uint8Array;
  vi.stubGlobal(
    "Uint8Array",
    class extends Original {
      constructor(...given: [number]) {
        super(...given);
        if (typeof given[0] === "number") made.push(given[0]);
      }
    },
  );
  const clear = new ClearBytes(512 << 20);
  clear.append(new Original(1000));
  vi.unstubAllGlobals();
  expect(Math.max(...made)).toBe(64 << 20);
  expect(clear.take().byteLength).toBe(1000);
});

test("arrived bytes come out in their order, whatever they came in", () => {
  const arrived = new Arrived();
  for (const piece of [[1, 2, 3], [], [4], [5, 6, 7, 8, 9]]) arrived.add(Uint8Array.from(piece));
  const out: number[][] = [];
  while (arrived.length > 0) {
    const room = new Uint8Array(4);
    out.push([...room.subarray(0, arrived.moveTo(room))]);
  }
  expect(out).toEqual([[1, 2, 3, 4], [5, 6, 7, 8], [9]]);
  arrived.add(Uint8Array.of(1));
  arrived.drop();
  expect([arrived.length, arrived.moveTo(new Uint8Array(4))]).toEqual([0, 0]);
});
