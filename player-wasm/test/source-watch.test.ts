import Hls from "hls.js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watchSource } from "../ts/hls/source-watch.js";

const { MEDIA_ATTACHING, MEDIA_ATTACHED, MEDIA_DETACHING, DESTROYING } = Hls.Events;

function watched() {
  const page = { isVisible: true };
  const hls = new EventTarget();
  const on = ((event: string, listener: () => void) => hls.addEventListener(event, listener)) as Hls["on"];
  const notOpened = vi.fn();
  watchSource({ on }, () => page.isVisible, notOpened);
  return { page, notOpened, tell: (event: string) => hls.dispatchEvent(new Event(event)) };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a source that does not open in time is told, once for each", async () => {
  const { notOpened, tell } = watched();
  tell(MEDIA_ATTACHING);
  await vi.advanceTimersByTimeAsync(9_900);
  expect(notOpened).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(notOpened).toHaveBeenCalledTimes(1);
  tell(MEDIA_ATTACHING);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(notOpened).toHaveBeenCalledTimes(2);
});

test("only time in which the page can be seen counts", async () => {
  const { page, notOpened, tell } = watched();
  tell(MEDIA_ATTACHING);
  await vi.advanceTimersByTimeAsync(5_000);
  page.isVisible = false;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(notOpened).not.toHaveBeenCalled();
  page.isVisible = true;
  await vi.advanceTimersByTimeAsync(5_500);
  expect(notOpened).toHaveBeenCalledTimes(1);
});

for (const event of [MEDIA_ATTACHED, MEDIA_DETACHING, DESTROYING]) {
  test(`nothing is waited for any more after ${event}`, async () => {
    const { notOpened, tell } = watched();
    tell(MEDIA_ATTACHING);
    await vi.advanceTimersByTimeAsync(5_000);
    tell(event);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(notOpened).not.toHaveBeenCalled();
  });
}
