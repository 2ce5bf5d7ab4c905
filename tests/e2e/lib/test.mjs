// Playwright's `test` for specs that answer requests themselves. A request may still be on its way through a route when its test has all it
// wants; that it can't be answered any more is no failure.
import { test as base } from "@playwright/test";

/** Nobody waits for what its routes do any more. */
async function leaveRoutes(context) {
  await Promise.all([context, ...context.pages()].map((routed) => routed.unrouteAll({ behavior: "ignoreErrors" })));
}

/** For contexts that a test made itself. */
export async function closeContext(context) {
  await leaveRoutes(context);
  await context.close();
}

export const test = base.extend({
  context: async ({ context }, use) => {
    await use(context);
    await leaveRoutes(context);
  },
});
