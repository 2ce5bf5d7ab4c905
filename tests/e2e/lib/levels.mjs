// What level a page plays at. The specs that play in the SDK's element or on the player page run in a project for each level.
import { test as base } from "./test.mjs";

export { expect } from "@playwright/test";

/** The level that the SDK takes by itself where the browser can: nothing is said for it. */
const DEFAULT = "sealed";

/** `level` is the project's. */
export const test = base.extend({ level: [DEFAULT, { option: true }] });

const level = () => test.info().project.use.level ?? DEFAULT;

/** A player page's address, at the level of the project whose test asks. */
export const atLevel = (address) => (level() === DEFAULT ? address : `${address}&level=${level()}`);

/** The same as an attribute of the element. */
export const levelAttribute = () => (level() === DEFAULT ? {} : { level: level() });
