// What libraries on these pages need beside the policy of the player's own: the server sends `require-trusted-types-for 'script'`. Classic
// and before all others, so that no library comes first.
(() => {
  /** hls.js' own worker, at the level `guarded`. */
  const HLS_WORKER = /^\/(assets|sdk)\/hls\.worker[\w.-]*\.js$/;
  globalThis.trustedTypes?.createPolicy("default", {
    // media-chrome's templates. The pages' policy lets no script of such a text run.
    createHTML: (html) => html,
    createScriptURL: (url) => {
      const { origin, pathname } = new URL(url, location.href);
      return origin === location.origin && HLS_WORKER.test(pathname) ? url : null;
    },
    // And no `createScript`: nothing here makes code of text.
  });
})();
