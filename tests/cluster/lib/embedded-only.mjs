/** Projects of tests/playwright.config.mjs that run in the set-up `embedded` alone, each with the reason. */
export const EMBEDDED_ONLY = [
  {
    project: "attacks",
    reason:
      "its clear titles are made by `packager pack` in the server's media folder, and it searches the memory of the one server process",
  },
];
