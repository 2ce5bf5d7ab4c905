import { expect, test, vi } from "vitest";
import { Thumbnails } from "../ts/element/thumbnails.js";
import { CaptionTracks } from "../ts/page/caption-tracks.js";
import { FakeVideo } from "./fake-video.js";
import { settle } from "./fakes.js";

const VTT = "https://keys.test/media/one/title-1/sprites/sprites.vtt";

/** As media-chrome's: it has its picture in a shadow root. */
class FakePicture {
  readonly shadowRoot = new EventTarget();
  readonly toggleAttribute = vi.fn();
}

function thumbnails() {
  const video = new FakeVideo();
  const picture = new FakePicture();
  const shown = new Thumbnails(video.element, picture as unknown as HTMLElement);
  const addresses = () => video.tracks.map(({ src }) => src);
  return { video, picture, shown, addresses };
}

test("a title's thumbnails are the one metadata track that media-chrome looks for", () => {
  const { video, shown } = thumbnails();
  shown.show(VTT);
  shown.show(VTT);
  expect(video.nodes).toHaveLength(1);
  expect(video.nodes[0]).toMatchObject({ kind: "metadata", label: "thumbnails", default: true, src: VTT });
});

test("those of the next title, or under a newer token, take their place, and none are left at the end", () => {
  const { shown, addresses } = thumbnails();
  const next = VTT.replace("one", "two");
  shown.show(VTT);
  shown.show(next);
  expect(addresses()).toEqual([next]);
  shown.show(null);
  expect(addresses()).toEqual([]);
  shown.show(VTT);
  expect(addresses()).toEqual([VTT]);
});

test("a sheet that can't be had hides the picture, and one that can shows it again", () => {
  const { picture } = thumbnails();
  for (const type of ["error", "load"]) picture.shadowRoot.dispatchEvent(new Event(type));
  expect(picture.toggleAttribute.mock.calls).toEqual([
    ["hidden", true],
    ["hidden", false],
  ]);
});

test("captions know nothing of them", async () => {
  const { video, shown } = thumbnails();
  const choose = vi.fn();
  const captions = new CaptionTracks(video.element, choose);
  captions.update([{ id: 0, name: "English", language: "en" }], -1);
  shown.show(VTT);
  const metadata = video.tracks.find(({ kind }) => kind === "metadata");
  if (metadata) metadata.track.mode = "hidden";
  await settle();
  expect(choose).not.toHaveBeenCalled();
  captions.choose(0);
  await settle();
  expect([choose.mock.calls, metadata?.track.mode]).toEqual([[[0]], "hidden"]);
  captions.destroy();
  expect(video.tracks).toEqual([metadata]);
});
