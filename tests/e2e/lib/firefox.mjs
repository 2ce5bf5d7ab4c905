#!/usr/bin/env node
// Stands in for the firefox-esr that KEYVEIL_FIREFOX names, so that Playwright, which is made for the newest Firefox, drives it as it is by WebDriver
// BiDi: passes everything on, and answers for the browser where Playwright asks at each start for what that Firefox does not know.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import WebSocket, { WebSocketServer } from "ws";

/** Colours and motion that a page is to prefer: tests that ask for others can't run. */
const UNKNOWN = new Set(["emulation.setMediaFeaturesOverride"]);
const LISTENING = /^WebDriver BiDi listening on (ws:\/\/.*)$/;

const browser = spawn(process.env.KEYVEIL_FIREFOX || "firefox-esr", process.argv.slice(2), {
  stdio: ["ignore", "inherit", "pipe"],
});
browser.on("error", ({ message }) => {
  console.error(message);
  process.exitCode = 1;
});
browser.on("exit", (code) => process.exit(code ?? 1));
createInterface({ input: browser.stderr }).on("line", (line) => {
  const address = LISTENING.exec(line)?.[1];
  if (address === undefined) console.error(line);
  else stand(address);
});

/** Listens in the browser's place, and says so in its words. */
function stand(address) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("listening", () => console.error(`WebDriver BiDi listening on ws://127.0.0.1:${server.address().port}`));
  server.on("connection", (client, { url }) => connect(client, new WebSocket(address + url)));
}

function connect(client, remote) {
  const opened = new Promise((resolve) => remote.once("open", resolve));
  client.on("message", async (data) => {
    const { id, method } = JSON.parse(data);
    if (UNKNOWN.has(method)) return client.send(JSON.stringify({ type: "success", id, result: {} }));
    await opened;
    remote.send(String(data));
  });
  remote.on("message", (data) => client.send(String(data)));
  remote.on("error", ({ message }) => console.error(message));
  remote.on("close", () => client.close());
  client.on("close", () => remote.close());
}
