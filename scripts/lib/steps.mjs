// Shows what is being done and what it waits for: one numbered line per step, with the time it took. On a terminal the line
// is redrawn while the step runs; elsewhere it is written when the step begins and again when it ends.
// All of it goes to standard error: standard output carries results only.

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/** What is being done, the latest last: on a terminal, that one is drawn. */
const open = [];
const tty = process.stderr.isTTY === true && process.env.TERM !== "dumb";

/** What stops a command: a sentence that says what to do. No stack is shown for it. */
export class Stop extends Error {
  constructor(message, { output = "", code = 1 } = {}) {
    super(message);
    this.name = "Stop";
    this.output = output;
    this.exitCode = code;
  }
}

export class Steps {
  #number = 0;
  #total;

  constructor(total) {
    this.#total = total;
  }

  /**
   * Does one step; several may be done at the same time. `work` is given `{ wait(text), progress(fraction, text) }` and answers
   * what to say at its end.
   */
  async step(name, work) {
    this.#number += 1;
    const label = `[${String(this.#number).padStart(String(this.#total).length)}/${this.#total}] ${name}`;
    const line = new StepLine(label);
    try {
      const said = await work({
        wait: (text) => line.wait(text),
        progress: (fraction, text) => line.progress(fraction, text),
      });
      line.end("ok", said);
    } catch (error) {
      line.end("failed");
      throw error;
    }
  }
}

/** A sentence outside the steps. */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

export function seconds(ms) {
  const secs = ms / 1000;
  return secs < 60 ? `${secs.toFixed(1)} s` : `${Math.floor(secs / 60)} min ${Math.round(secs % 60)} s`;
}

class StepLine {
  #label;
  #began = performance.now();
  #waits = "";
  #written = "";
  #tenth = 0;
  #frame = 0;
  #timer = null;

  constructor(label) {
    this.#label = label;
    open.push(this);
    if (!tty) return;
    this.#timer = setInterval(() => this.#draw(), 100);
    this.#timer.unref();
  }

  wait(text) {
    this.#waits = text;
    if (tty) this.#draw();
    else this.#plain(text);
  }

  progress(fraction, text = "") {
    const percent = Math.max(0, Math.min(100, Math.floor(fraction * 100)));
    this.#waits = `${percent}%${text ? ` ${text}` : ""}`;
    if (tty) return this.#draw();
    const tenth = Math.floor(percent / 10);
    if (tenth === this.#tenth) return;
    this.#tenth = tenth;
    this.#plain(this.#waits);
  }

  end(outcome, said = "") {
    clearInterval(this.#timer);
    open.splice(open.indexOf(this), 1);
    const took = seconds(performance.now() - this.#began);
    const text = `${this.#label}: ${said || outcome} (${took})`;
    if (tty) process.stderr.write(`\r\x1b[2K${outcome === "ok" ? "✓" : "✗"} ${text}\n`);
    else say(text);
  }

  #plain(text) {
    if (text === this.#written) return;
    this.#written = text;
    say(`${this.#label} … ${text}`);
  }

  #draw() {
    if (open.at(-1) !== this) return;
    this.#frame = (this.#frame + 1) % FRAMES.length;
    const took = seconds(performance.now() - this.#began);
    const text = `${FRAMES[this.#frame]} ${this.#label}${this.#waits ? ` … ${this.#waits}` : ""} (${took})`;
    const width = (process.stderr.columns ?? 80) - 1;
    process.stderr.write(`\r\x1b[2K${text.length > width ? `${text.slice(0, width - 1)}…` : text}`);
  }
}
