import { expect, test } from "vitest";
import { languageName } from "../ts/element/accessibility.js";

test("a subtitle that has only its language's code is named in that language", () => {
  expect(["eng", "en", "zho", "zh-Hant", "deu", "fr-CA"].map(languageName)).toEqual([
    "English",
    "English",
    "中文",
    "繁體中文",
    "Deutsch",
    "Français canadien",
  ]);
});

test("a name, and what is no language, stays as it is", () => {
  for (const label of ["English", "English (SDH)", "Director's commentary", "und", "zxx", "qqq", "", "a-b"])
    expect(languageName(label), label).toBeNull();
});
