// Child processes that never outlive us. Each gets a process group of its own, so that what it starts (ffmpeg, rustc) ends
// with it; where Linux can, it is also told to end when this process dies without a chance to say so.
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { root } from "./places.mjs";

const KILL_AFTER_MS = 15_000;
const TEXT_BYTES_MAX = 1024 * 1024;
const running = new Set();
let stopping = false;

/** A command that ended badly; `output` is what it said, at most a megabyte of it. */
export class CommandFailed extends Error {
  constructor(command, code, signal, output) {
    super(`${command} ended with ${signal ? `signal ${signal}` : `exit code ${code}`}`);
    this.name = "CommandFailed";
    this.exitCode = code;
    this.output = output;
  }
}

/** Starts a child. `onLine(line, stream)` gets each line of both its outputs; `input` is what it reads. */
export function start(
  command,
  args = [],
  { env = {}, cwd = root, onLine = null, terminal = false, input = null } = {},
) {
  if (stopping) throw new Error("stopping: nothing new is started");
  // A child that asks on the terminal (sudo) must stay in our session.
  const [program, ...rest] = terminal ? [command, ...args] : boundToUs(command, args);
  const outputs = onLine === null ? "inherit" : "pipe";
  const stdio = [terminal ? "inherit" : input === null ? "ignore" : "pipe", outputs, outputs];
  const child = spawn(program, rest, { cwd, env: { ...process.env, ...env }, stdio, detached: !terminal });
  child.ownGroup = !terminal;
  if (input !== null) {
    // A child that ends without reading it says by its exit code what was wrong.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  }
  running.add(child);
  child.ended = new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, signal: null, error }));
    child.once("close", (code, signal) => resolve({ code, signal, error: null }));
  }).finally(() => running.delete(child));
  if (onLine !== null) {
    readLines(child.stdout, (line) => onLine(line, "stdout"));
    readLines(child.stderr, (line) => onLine(line, "stderr"));
  }
  return child;
}

/** Runs a command to its end and answers what it wrote to standard output; throws CommandFailed. */
export async function run(command, args = [], options = {}) {
  const stdout = boundedText();
  const both = boundedText();
  const onLine = (line, stream) => {
    if (stream === "stdout") stdout.add(line);
    both.add(line);
    options.onLine?.(line, stream);
  };
  const { code, signal, error } = await start(command, args, { ...options, onLine }).ended;
  if (error !== null) throw new CommandFailed(`${command} (${error.code})`, null, null, error.message);
  if (code !== 0) throw new CommandFailed(command, code, signal, both.text());
  return stdout.text();
}

/** Whether a command can be run and ends well. */
export async function works(command, args = ["--version"], options = {}) {
  return run(command, args, options).then(
    () => true,
    () => false,
  );
}

/** Asks a child and all it started to end, and makes them when they don't. */
export async function stop(child, signal = "SIGTERM") {
  if (!running.has(child)) return;
  signalGroup(child, signal);
  const timer = setTimeout(() => signalGroup(child, "SIGKILL"), KILL_AFTER_MS);
  await child.ended;
  clearTimeout(timer);
  // The child is gone; whatever it left in its group goes too.
  signalGroup(child, "SIGKILL");
}

/** Ends every child, and lets no other begin. */
export async function stopAll() {
  stopping = true;
  await Promise.all([...running].map((child) => stop(child)));
}

/** Calls `onStop(signal)` once on SIGINT, SIGTERM or SIGHUP, or when the npm that runs us is gone. */
export function onInterrupt(onStop) {
  let told = false;
  const tell = (signal) => {
    if (told) return;
    told = true;
    onStop(signal);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => tell(signal));
  process.once("exit", () => {
    for (const child of running) signalGroup(child, "SIGKILL");
  });
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && tell("SIGTERM"), 1000).unref();
}

/** Splits a stream into lines; a line longer than 64 KiB is cut. */
export function readLines(stream, onLine) {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text) => {
    const lines = (rest + text).split(/\r?\n|\r/);
    rest = (lines.pop() ?? "").slice(0, LINE_CHARS_MAX);
    for (const line of lines) onLine(line.slice(0, LINE_CHARS_MAX));
  });
  stream.on("end", () => rest !== "" && onLine(rest));
}

const LINE_CHARS_MAX = 64 * 1024;
const SETPRIV = "/usr/bin/setpriv";
const hasSetpriv = process.platform === "linux" && executable(SETPRIV);

function boundToUs(command, args) {
  return hasSetpriv ? [SETPRIV, "--pdeathsig", "TERM", "--", command, ...args] : [command, ...args];
}

function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function signalGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    process.kill(child.ownGroup ? -child.pid : child.pid, signal);
  } catch {
    // The group is gone already.
  }
}

function boundedText() {
  const lines = [];
  let size = 0;
  return {
    add(line) {
      size += line.length + 1;
      lines.push(line);
      while (size > TEXT_BYTES_MAX && lines.length > 1) size -= lines.shift().length + 1;
    },
    text: () => lines.join("\n"),
  };
}
