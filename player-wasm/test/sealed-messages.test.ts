/** No message of a sealed worker has a place for bytes, by its type: a field that had makes this file no longer compile. What texts hold, types don't say. */
import { expect, test } from "vitest";
import type { FromGuardedWorker, FromSealedWorker } from "../ts/messages.js";

type Container = ArrayBuffer | SharedArrayBuffer | ArrayBufferView | Blob | ReadableStream | MessagePort | ImageBitmap;

/** What a value of the type can lead to, through fields and lists; `never` when no container is among it. */
type ContainersIn<T> = unknown extends T
  ? "anything"
  : T extends string | number | boolean | bigint | symbol | null | undefined
    ? never
    : T extends MediaSourceHandle
      ? // It has no member, so that everything extends it; it alone is what a text extends, too.
        string extends T
        ? never
        : object extends T
          ? "anything"
          : ContainersOf<T>
      : ContainersOf<T>;
type ContainersOf<T> = T extends Container
  ? T
  : T extends readonly (infer Item)[]
    ? ContainersIn<Item>
    : { [Name in keyof T]: ContainersIn<T[Name]> }[keyof T];

type HoldsNone<T> = [ContainersIn<T>] extends [never] ? true : false;
const holdsNone = <T>(_proof: HoldsNone<T>) => true;

test("a sealed worker's messages have no place for bytes", () => {
  expect(holdsNone<FromSealedWorker>(true)).toBe(true);
});

test("the check finds what could", () => {
  // @ts-expect-error A guarded worker's do.
  holdsNone<FromGuardedWorker>(true);
  type With<T> = FromSealedWorker | { readonly type: "leak"; readonly nested: { readonly list: readonly T[] } };
  // @ts-expect-error
  holdsNone<With<ArrayBuffer>>(true);
  // @ts-expect-error
  holdsNone<With<Uint8Array>>(true);
  // @ts-expect-error
  holdsNone<With<DataView | null>>(true);
  // @ts-expect-error
  holdsNone<With<Blob>>(true);
  // @ts-expect-error
  holdsNone<With<ReadableStream<Uint8Array>>>(true);
  // @ts-expect-error
  holdsNone<With<MessagePort>>(true);
  // @ts-expect-error What has no type can be anything.
  holdsNone<With<unknown>>(true);
  // @ts-expect-error
  holdsNone<With<object>>(true);
  expect(holdsNone<With<string>>(true), "what can't is let through").toBe(true);
});
