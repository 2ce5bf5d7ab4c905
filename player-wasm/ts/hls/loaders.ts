/**
 * The two loaders hls.js gets. Both extend the loader the application has, so that its `xhrSetup` and statistics go on working:
 * the playlist loader rewrites key tags, the fragment loader sends marked segments through the worker.
 */
import Hls, {
  type FragmentLoaderContext,
  type HlsConfig,
  type Loader,
  type LoaderCallbacks,
  type LoaderConfiguration,
  type LoaderContext,
  type LoaderStats,
} from "hls.js";
import { asKeyveilError, type KeyveilError } from "../errors.js";
import type { LoadedSegment, OnLoadProgress, SegmentLoadRequest } from "../page/worker-connection.js";
import { splitSegmentUrl } from "../protocol.js";
import { type PlaylistRules, rewritePlaylist } from "./playlist.js";
import { lookedAt, whyForeign } from "./segment-rules.js";

/** Decryption, and the key exchange that it may have to wait for, after the last byte arrived. */
const DECRYPT_TIMEOUT_MS = 20_000;

/** What the loaders ask of the title they load for. */
export interface LoaderHost {
  currentUrl(url: string): string;
  playlistRules(): PlaylistRules;
  load(request: SegmentLoadRequest, signal: AbortSignal, onProgress: OnLoadProgress): Promise<LoadedSegment>;
  report(error: KeyveilError): void;
}

export type LoaderConstructor = new (config: HlsConfig) => Loader<LoaderContext>;

export interface Loaders {
  readonly pLoader: NonNullable<HlsConfig["pLoader"]>;
  readonly fLoader: NonNullable<HlsConfig["fLoader"]>;
  /** Of standard titles: hls.js fetches their keys with it. */
  readonly loader?: HlsConfig["loader"];
}

export function createLoaders(host: LoaderHost, base?: LoaderConstructor): Loaders {
  const Base = base ?? defaultLoader();
  return {
    pLoader: playlistLoader(host, Base) as unknown as Loaders["pLoader"],
    fLoader: fragmentLoader(host, Base) as unknown as Loaders["fLoader"],
  };
}

/** Standard titles are played by hls.js itself; what it asks for carries the newest token. */
export function createStandardLoaders(host: LoaderHost, base?: LoaderConstructor): Loaders {
  const Base = base ?? defaultLoader();
  class KeyveilKeyLoader extends Base {
    override load(
      context: LoaderContext,
      config: LoaderConfiguration,
      callbacks: LoaderCallbacks<LoaderContext>,
    ): void {
      // hls.js knows a key by its address, and finds it again by that of the context it gave.
      super.load({ ...context, url: host.currentUrl(context.url) }, config, {
        onSuccess: (response, stats, _sent, details) => callbacks.onSuccess(response, stats, context, details),
        onError: (error, _sent, details, stats) => callbacks.onError(error, context, details, stats),
        onTimeout: (stats, _sent, details) => callbacks.onTimeout(stats, context, details),
        onAbort: (stats, _sent, details) => callbacks.onAbort?.(stats, context, details),
      });
    }
  }
  return { ...createLoaders(host, Base), loader: KeyveilKeyLoader as unknown as HlsConfig["loader"] };
}

function defaultLoader(): LoaderConstructor {
  return Hls.DefaultConfig.loader as unknown as LoaderConstructor;
}

function playlistLoader(host: LoaderHost, Base: LoaderConstructor) {
  return class KeyveilPlaylistLoader extends Base {
    override load(
      context: LoaderContext,
      config: LoaderConfiguration,
      callbacks: LoaderCallbacks<LoaderContext>,
    ): void {
      context.url = host.currentUrl(context.url);
      super.load(context, config, {
        ...callbacks,
        onSuccess: (response, stats, context, details) => {
          let data = response.data;
          try {
            if (typeof data === "string") data = rewritePlaylist(data, host.playlistRules());
          } catch (thrown) {
            const error = asKeyveilError(thrown, "key_tag_malformed");
            host.report(error);
            callbacks.onError({ code: 400, text: error.code }, context, details, stats);
            return;
          }
          callbacks.onSuccess({ ...response, ...(data === undefined ? {} : { data }) }, stats, context, details);
        },
      });
    }
  };
}

function fragmentLoader(host: LoaderHost, Base: LoaderConstructor) {
  return class KeyveilFragmentLoader extends Base {
    #transfer: Transfer | null = null;

    override load(context: LoaderContext, config: LoaderConfiguration, given: LoaderCallbacks<LoaderContext>): void {
      const refuse = (error: KeyveilError) => {
        host.report(error);
        return httpStatusOf(error);
      };
      const rules = host.playlistRules();
      const callbacks = lookedAt(context, rules, given, refuse);
      const marked = splitSegmentUrl(context.url);
      const foreign = whyForeign(context, rules, marked !== null);
      if (foreign) {
        const { stats } = this;
        callbacks.onError({ code: refuse(foreign), text: foreign.code }, context, null, stats);
        return;
      }
      if (!marked) {
        context.url = host.currentUrl(context.url);
        super.load(context, config, callbacks);
        return;
      }
      if (this.stats.loading.start) throw new Error("Loader can only be used once.");
      this.context = context;
      this.#transfer = new Transfer(host, this.stats, context, config, callbacks);
      this.#transfer.start(marked.url, marked.reference);
    }

    override abort(): void {
      if (this.#transfer) this.#transfer.abort();
      else super.abort();
    }

    override destroy(): void {
      this.#transfer?.cancel();
      this.#transfer = null;
      super.destroy();
    }
  };
}

/** One marked segment on its way. Calls exactly one of hls.js' closing callbacks, or none once it was destroyed. */
class Transfer {
  readonly #host: LoaderHost;
  /** hls.js keeps this object and reads it: it is changed in place and outlives `destroy`. */
  readonly #stats: LoaderStats;
  readonly #context: LoaderContext;
  readonly #config: LoaderConfiguration;
  readonly #callbacks: LoaderCallbacks<LoaderContext>;
  readonly #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  /** Until then nothing times out. */
  #heldUntilMs = 0;

  constructor(
    host: LoaderHost,
    stats: LoaderStats,
    context: LoaderContext,
    config: LoaderConfiguration,
    callbacks: LoaderCallbacks<LoaderContext>,
  ) {
    this.#host = host;
    this.#stats = stats;
    this.#context = context;
    this.#config = config;
    this.#callbacks = callbacks;
  }

  start(url: string, reference: string): void {
    const stats = this.#stats;
    stats.loading.start = performance.now();
    stats.loading.first = 0;
    stats.loaded = 0;
    stats.aborted = false;
    const { maxTimeToFirstByteMs, maxLoadTimeMs } = this.#config.loadPolicy;
    const firstMs =
      Number.isFinite(maxTimeToFirstByteMs) && maxTimeToFirstByteMs ? maxTimeToFirstByteMs : maxLoadTimeMs;
    this.#rearm(firstMs);
    const { rangeStart, rangeEnd } = this.#context;
    const { frag } = this.#context as FragmentLoaderContext;
    const request = { url, reference, rangeStart, rangeEnd, positionMs: Math.max(0, (frag?.start ?? 0) * 1000) };
    this.#host
      .load(request, this.#abort.signal, ({ loadedBytes, totalBytes, complete, heldMs }) => {
        if (this.#closed) return;
        if (heldMs !== undefined) {
          this.#hold(heldMs);
          return;
        }
        stats.loaded = loadedBytes;
        if (totalBytes) stats.total = totalBytes;
        if (stats.loading.first === 0) {
          stats.loading.first = performance.now();
          this.#rearm(maxLoadTimeMs - (stats.loading.first - stats.loading.start));
        }
        if (!complete) return;
        // hls.js looks whether a slow segment is worth waiting for, and here is none any more.
        stats.total = loadedBytes;
        this.#rearm(DECRYPT_TIMEOUT_MS);
      })
      .then(
        (loaded) => this.#succeed(loaded, url),
        (thrown) => this.#fail(asKeyveilError(thrown, "media_error")),
      );
  }

  /** hls.js wants no more of it: it must hear so. */
  abort(): void {
    if (!this.#close()) return;
    this.#stats.aborted = true;
    this.#callbacks.onAbort?.(this.#stats, this.#context, null);
  }

  /** The loader is destroyed: nobody listens any more. */
  cancel(): void {
    if (this.#close()) this.#stats.aborted = true;
  }

  #succeed({ bytes, status, loadedBytes, timing }: LoadedSegment, url: string): void {
    if (!this.#close(false)) return;
    const stats = this.#stats;
    // The bandwidth estimate is about the network: the clock shows the fetch alone, as if it had ended just now.
    stats.loading.end = performance.now();
    stats.loading.start = Math.max(stats.loading.start, stats.loading.end - timing.fetchMs);
    stats.loading.first = Math.min(stats.loading.start + timing.ttfbMs, stats.loading.end);
    stats.loaded = stats.total = loadedBytes;
    stats.bwEstimate = (loadedBytes * 8000) / Math.max(1, stats.loading.end - stats.loading.first);
    const { onProgress, onSuccess } = this.#callbacks;
    // With `progressive`, hls.js takes the media from here and waits for it: it must come before onSuccess.
    onProgress?.(stats, this.#context, bytes, null);
    onSuccess({ url, data: bytes, code: status }, stats, this.#context, null);
  }

  #fail(error: KeyveilError): void {
    if (this.#closed) return;
    // A listener may stop hls.js, which destroys this loader: then there is nobody left to call back.
    if (error.code !== "aborted") this.#host.report(error);
    if (!this.#close()) return;
    this.#callbacks.onError({ code: httpStatusOf(error), text: error.code }, this.#context, null, this.#stats);
  }

  #timeout(): void {
    if (!this.#close()) return;
    this.#callbacks.onTimeout(this.#stats, this.#context, null);
  }

  /** The keys will be late, for no fault of the network. */
  #hold(ms: number): void {
    this.#heldUntilMs = performance.now() + ms + DECRYPT_TIMEOUT_MS;
    this.#rearm(0);
  }

  #rearm(ms: number): void {
    clearTimeout(this.#timer);
    const atLeastMs = Math.max(ms, this.#heldUntilMs - performance.now(), 0);
    if (Number.isFinite(atLeastMs)) this.#timer = setTimeout(() => this.#timeout(), atLeastMs);
  }

  /** True for the first call only. */
  #close(abort = true): boolean {
    if (this.#closed) return false;
    this.#closed = true;
    clearTimeout(this.#timer);
    if (abort) this.#abort.abort();
    return true;
  }
}

/** hls.js' retry policy goes by HTTP status: 4xx is not tried again, anything else is. */
function httpStatusOf(error: KeyveilError): number {
  if (error.fatal) return error.status >= 400 && error.status < 500 ? error.status : 403;
  if (["network", "kms_unavailable", "unavailable", "internal"].includes(error.code)) return error.status || 503;
  return error.status || 422;
}
