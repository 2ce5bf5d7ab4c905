// In the page, as text: whatever starts a worker starts it with a thief's code before the worker's own.
import { PAGE_HOOKS } from "./page-hooks.mjs";

function rebootstrap(prelude) {
  const counts = { workers: 0, scripts: 0, ran: 0 };
  globalThis.rebootstrapped = counts;
  // A worker that has ended since can't be asked any more.
  new BroadcastChannel("rebootstrapped").onmessage = () => {
    counts.ran += 1;
  };
  const Original = Blob;
  const { createObjectURL } = URL;
  const sourceOf = (url) => {
    const request = new XMLHttpRequest();
    // A page can't wait in a constructor.
    request.open("GET", url, false);
    request.send();
    return request.responseText;
  };
  const withPrelude = (url) => {
    counts.workers += 1;
    const source = `${prelude}\n${sourceOf(url)}`;
    return Reflect.apply(createObjectURL, URL, [new Original([source], { type: "text/javascript" })]);
  };
  for (const name of ["Worker", "SharedWorker"]) {
    const construct = (target, [url, ...others], newTarget) =>
      Reflect.construct(target, [withPrelude(String(url)), ...others], newTarget);
    globalThis[name] = new Proxy(globalThis[name], { construct });
  }
  globalThis.Blob = new Proxy(Original, {
    construct(target, [parts, options], newTarget) {
      if (/javascript/.test(options?.type)) counts.scripts += 1;
      return Reflect.construct(target, [parts, options], newTarget);
    },
  });
}

const PRELUDE = `new BroadcastChannel("rebootstrapped").postMessage("ran");\n${PAGE_HOOKS}`;
/** For `addInitScript`; `globalThis.pageHooks` is then in each worker that starts so. */
export const REBOOTSTRAP = `(${rebootstrap})(${JSON.stringify(PRELUDE)});`;

const POLICY = "worker-src 'self'";

const META = /<meta http-equiv="Content-Security-Policy"[^>]*>/g;

/** Serves the player's page with this policy alone, by its `header` or in a `meta` tag, or with `none`: the page's own go. */
export async function withPolicy(context, where) {
  await context.route(/\/player\/$/, async (route) => {
    const answer = await route.fetch();
    const { "content-security-policy": _, ...others } = answer.headers();
    const headers = { ...others, ...(where === "header" && { "content-security-policy": POLICY }) };
    const meta = where === "meta" ? `<meta http-equiv="Content-Security-Policy" content="${POLICY}">` : "";
    const html = (await answer.text()).replaceAll(META, "");
    await route.fulfill({ response: answer, headers, body: html.replace("<head>", `<head>${meta}`) });
  });
}
