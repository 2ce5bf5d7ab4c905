/** The worker's playback session: the exchanges that bring keys into the wasm module, one at a time. */
import { KeyveilError } from "../errors.js";
import type { ExchangeKind } from "../messages.js";
import {
  type Downgrade,
  type Playback,
  publicPlayback,
  publicRenewal,
  type Renewal,
  type SdkLevel,
  type TitleInfo,
  type TrackClass,
} from "../protocol.js";
import { nextSpan } from "../traceparent.js";
import { postJson } from "./http.js";
import { KeysFlight, unlessStopped } from "./keys-flight.js";
import { HeldPeriods, pauseMs, wait } from "./pace.js";
import { guarded, type WasmSession } from "./wasm.js";

const MAC_HEADER = "Keyveil-Mac";
const TRACE_HEADER = "traceparent";

export interface SessionEvents {
  exchange(kind: ExchangeKind, ms: number, period: number): void;
  /** An exchange that no caller waits for brought new times or URLs. */
  renewed(renewal: Renewal): void;
  /** The server wants to be asked later, and will be. */
  paced(error: KeyveilError): void;
}

/** Whoever waits for keys. */
export interface Waiter {
  readonly signal?: AbortSignal;
  /** It will take so long until they are asked for. */
  held?(ms: number): void;
}

/** What a session is asked for with. */
export interface SessionRequest {
  readonly psign: string;
  readonly fileId: string | undefined;
  readonly positionMs: number;
  readonly level: SdkLevel;
  readonly downgrade: Downgrade | null;
  readonly trace?: string | undefined;
}

export class Session {
  readonly #wasm: WasmSession;
  readonly #server: string;
  readonly #credentials: RequestCredentials;
  readonly #events: SessionEvents;
  #request: SessionRequest | null = null;
  #playback: Playback | null = null;
  /** Of the first session, for good: what was loaded under one mode's rules must not meet keys that another one gives. */
  #title: TitleInfo | null = null;
  #period = 0;
  /** The last one that keys came for. */
  #granted = 0;
  readonly #held = new HeldPeriods();
  #flight: KeysFlight<Renewal> | null = null;
  /** The wasm session has room for one unanswered request: exchanges queue here. */
  #lastExchange: Promise<unknown> = Promise.resolve();

  constructor(wasm: WasmSession, server: string, credentials: RequestCredentials, events: SessionEvents) {
    this.#wasm = wasm;
    this.#server = server.replace(/\/+$/, "");
    this.#credentials = credentials;
    this.#events = events;
  }

  /** Opens a session; an earlier one ends. It is of the first one's title, or `title_changed`. */
  async play(request: SessionRequest): Promise<Playback> {
    this.#request = request;
    return this.#patiently(() => this.#playOnce(request));
  }

  #playOnce({ psign, fileId, positionMs, level, downgrade }: SessionRequest): Promise<Playback> {
    return this.#inTurn(async () => {
      const startMs = performance.now();
      const body = guarded(() => this.#wasm.playRequest(psign, fileId, positionMs, level, downgrade ?? undefined));
      const answer = await this.#post("/v1/play", body);
      guarded(() => this.#wasm.acceptPlay(answer));
      const classes = guarded(() => this.#wasm.trackClasses()) as TrackClass[];
      const playback = publicPlayback(JSON.parse(answer), classes);
      if (!playback) throw new KeyveilError("malformed_request", "The server's answer can't be read.");
      this.#title ??= playback.title;
      if (!isSameTitle(this.#title, playback.title)) throw new KeyveilError("title_changed");
      this.#playback = playback;
      this.#period = this.#granted = this.#periodAt(positionMs);
      this.#held.clear();
      this.#events.exchange("play", performance.now() - startMs, this.#period);
      return playback;
    });
  }

  /** Prolongs the session of a private title. Any other has none here, so it is played anew. */
  async renew(psign: string, positionMs: number): Promise<Renewal> {
    const playback = this.#playback;
    if (!playback || !this.#request) throw new KeyveilError("session_invalid");
    const { fileId } = playback.title;
    if (playback.title.mode !== "private") return this.play({ ...this.#request, psign, fileId, positionMs });
    // Keys that were released once are given again, whatever the pace.
    const period = this.#wasm.holdsPeriod(this.#period) ? this.#period : this.#granted;
    return this.#patiently(() => this.#keys(period, positionMs, psign));
  }

  holdsPeriod(period: number): boolean {
    return this.#wasm.holdsPeriod(period);
  }

  /** Resolves when keys of that period are at hand, however late the server gives them. Callers who want the same exchange share it. */
  async ensurePeriod(period: number, positionMs: number, waiter: Waiter = {}): Promise<void> {
    this.#period = period;
    while (!this.#wasm.holdsPeriod(period)) {
      const heldMs = this.#held.leftMs(period);
      if (heldMs > 0) {
        waiter.held?.(heldMs);
        await wait(heldMs, waiter.signal);
        continue;
      }
      try {
        await this.#bring(period, positionMs);
      } catch (thrown) {
        // Of an exchange that others made, too: then this one's period was refused with theirs.
        const ms = pauseMs(thrown);
        if (ms === null) throw thrown;
        if (this.#held.leftMs(period) === 0) this.#held.hold(period, ms);
      }
    }
  }

  /** One exchange, of its own or another's. */
  async #bring(period: number, positionMs: number): Promise<void> {
    const flight = this.#flight;
    if (flight && !flight.covers(period)) {
      // The module has room for one answer: a seek would else wait for what nobody needs yet.
      flight.standBack();
      await flight.done.catch(() => undefined);
      return;
    }
    if (flight) flight.isAwaited = true;
    await (flight ? flight.done : this.#keysOnce(period, positionMs, true));
    if (!this.#wasm.holdsPeriod(period)) throw new KeyveilError("key_not_granted");
  }

  /** Fetches the next period's keys when they are missing, so that playback never waits for them. */
  prefetchAfter(period: number, positionMs: number): void {
    const next = period + 1;
    if (next >= this.#periodCount() || this.#flight || this.#wasm.holdsPeriod(next) || this.#held.areAny) return;
    this.#keysOnce(next, positionMs, false).catch(() => {
      // The load that needs these keys asks again, and its failure is told.
    });
  }

  async #keysOnce(period: number, positionMs: number, isAwaited: boolean): Promise<void> {
    const exchange = (signal: AbortSignal) => this.#keys(period, positionMs, undefined, signal);
    const flight = new KeysFlight(period, isAwaited, exchange);
    this.#flight = flight;
    try {
      this.#events.renewed(await flight.done);
      this.#granted = period;
      this.#held.clear();
    } catch (thrown) {
      const ms = pauseMs(thrown);
      if (ms !== null) {
        this.#held.hold(period, ms);
        this.#events.paced(thrown as KeyveilError);
      }
      throw thrown;
    } finally {
      if (this.#flight === flight) this.#flight = null;
    }
  }

  #keys(period: number, positionMs: number, psign: string | undefined, signal?: AbortSignal): Promise<Renewal> {
    return this.#inTurn(async () => {
      if (signal?.aborted) throw new KeyveilError("aborted");
      const startMs = performance.now();
      const [body = "", mac = ""] = guarded(() => this.#wasm.keysRequest(period, positionMs, psign));
      const answer = await unlessStopped(this.#post("/v1/keys", body, { [MAC_HEADER]: mac }), signal);
      guarded(() => this.#wasm.acceptKeys(answer));
      const renewal = publicRenewal(JSON.parse(answer));
      if (!renewal) throw new KeyveilError("malformed_request", "The server's answer can't be read.");
      this.#events.exchange("keys", performance.now() - startMs, period);
      return renewal;
    });
  }

  /** To the key server itself, so no other host gets to see the trace. */
  #post(path: string, body: string, headers: Record<string, string> = {}): Promise<string> {
    const trace = this.#request?.trace;
    const traced = trace ? { ...headers, [TRACE_HEADER]: nextSpan(trace) } : headers;
    return postJson(this.#server + path, body, this.#credentials, traced);
  }

  /** Outside of the queue: others' exchanges go on meanwhile. */
  async #patiently<T>(exchange: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await exchange();
      } catch (thrown) {
        const ms = pauseMs(thrown);
        if (ms === null) throw thrown;
        this.#events.paced(thrown as KeyveilError);
        await wait(ms);
      }
    }
  }

  #inTurn<T>(exchange: () => Promise<T>): Promise<T> {
    const turn = this.#lastExchange.then(exchange, exchange);
    this.#lastExchange = turn.catch(() => undefined);
    return turn;
  }

  #periodAt(positionMs: number): number {
    const title = this.#playback?.title;
    if (!title || !(title.segmentMs > 0) || title.periodSegments < 1) return 0;
    const period = Math.floor(positionMs / title.segmentMs / title.periodSegments);
    return Math.max(0, Math.min(period, this.#periodCount() - 1));
  }

  #periodCount(): number {
    const title = this.#playback?.title;
    if (!title || title.periodSegments < 1) return 0;
    const segments = Math.max(title.segmentCount, ...title.renditions.map(({ segmentCount }) => segmentCount));
    const covered = Math.min(segments, this.#playback?.preview?.segments ?? segments);
    return Math.ceil(covered / title.periodSegments);
  }
}

/** What a worker's sessions have in common. */
function isSameTitle(first: TitleInfo, title: TitleInfo): boolean {
  return first.fileId === title.fileId && first.version === title.version && first.mode === title.mode;
}
