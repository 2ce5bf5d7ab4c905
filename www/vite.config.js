import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const page = (path) => fileURLToPath(new URL(path, import.meta.url));

// `npm run dev -w www` serves the pages with a running key server behind them.
const keyServer = process.env.KEYVEIL_SERVER ?? "http://127.0.0.1:8080";
const proxied = Object.fromEntries(["/v1", "/media", "/sdk"].map((path) => [path, keyServer]));

export default defineConfig({
  appType: "mpa",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    // The pages' Content-Security-Policy is `default-src 'self'`: nothing may be inlined as a data: URL or as a script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // hls.js and media-chrome, and the viewer of the API reference: each loaded after its page itself, and only there.
    chunkSizeWarningLimit: 2000,
    rollupOptions: {
      input: {
        home: page("./index.html"),
        player: page("./player/index.html"),
        console: page("./console/index.html"),
        docs: page("./docs/index.html"),
      },
    },
  },
  server: { proxy: proxied },
});
