import { change } from "./data.mjs";
import { nowSecs } from "./http.mjs";

/** Moves jobs on, one step a second, so that the console has something to show. */
export class Simulation {
  #data;
  #timer;

  constructor(data) {
    this.#data = data;
    this.#timer = setInterval(() => this.#step(), 1000);
  }

  stop() {
    clearInterval(this.#timer);
  }

  #step() {
    const running = this.#data.titles.filter(({ state }) => state === "transcoding" || state === "encrypting");
    for (const title of running) this.#advance(title);
    const next = this.#data.titles.findLast(({ state }) => state === "queued");
    if (next && running.length < 8) this.#begin(next);
  }

  #begin(title) {
    const job = this.#jobOf(title);
    Object.assign(job ?? {}, {
      state: "running",
      stage: "transcoding",
      startedAt: nowSecs(),
      attempt: 1,
      worker: "this server",
    });
    change(this.#data, title, {
      state: "transcoding",
      percent: 0,
      leftSecs: 60,
      job: job && { ...title.job, state: "running", attempt: 1 },
    });
  }

  #advance(title) {
    const percent = Math.min(100, (title.percent ?? 0) + 2.3);
    const job = this.#jobOf(title);
    const leftSecs = Math.round((100 - percent) / 2.3);
    Object.assign(job ?? {}, { percent, leftSecs });
    const log = this.#data.logs.get(job?.jobId);
    log?.push({ seq: log.length + 1, at: nowSecs(), line: `${title.state}: ${percent.toFixed(1)}%, 3.4× speed` });
    if (percent < 95) change(this.#data, title, { percent, leftSecs });
    else if (percent < 100) change(this.#data, title, { state: "encrypting", percent, leftSecs });
    else this.#finish(title, job);
  }

  #finish(title, job) {
    Object.assign(job ?? {}, { state: "done", stage: null, percent: 100, leftSecs: null, finishedAt: nowSecs() });
    change(this.#data, title, {
      state: "published",
      percent: null,
      leftSecs: null,
      version: 1,
      job: null,
      durationMs: title.durationMs ?? 372_000,
      storedBytes: 310_000_000,
      coverUrl: `/media/${title.fileId}/cover.svg`,
      publishedAt: nowSecs(),
    });
  }

  #jobOf({ job }) {
    return this.#data.jobs.find(({ jobId }) => jobId === job?.jobId);
  }
}
