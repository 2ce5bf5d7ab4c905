import { type DetailedError, type PreviousUpload, Upload as TusUpload, type UploadOptions } from "tus-js-client";
import { Failure } from "../../shared/failure.ts";
import { appHeaders, failureOf, surroundings } from "../api/call.ts";
import { store } from "../state/store.ts";
import { changed, progressed, stopped, toBegin, type Upload, unfinished } from "./queue.ts";

/** What a person wishes of the files that were chosen together. */
export interface UploadWishes {
  readonly workflowId: string | null;
  readonly labels: readonly string[];
}

/** All uploads of this page, over all applications: they go on whatever page of the console is shown. */
export const uploads = store<readonly Upload[]>([]);

const running = new Map<number, { readonly tus: TusUpload; readonly resumable: boolean }>();
let latest = 0;

/** Puts files into the queue; each begins as soon as there is room. */
export function addUploads(files: readonly { file: File; name: string }[], appId: number, wishes: UploadWishes): void {
  const added = files.map(({ file, name }) => {
    latest += 1;
    running.set(latest, { tus: tusUpload(latest, file, name, appId, wishes), resumable: true });
    return waiting(latest, appId, name, file.size);
  });
  uploads.set([...uploads.get(), ...added]);
  beginWaiting();
}

export function pauseUpload(id: number): void {
  update(id, () => stopped("paused"));
  void running.get(id)?.tus.abort();
  beginWaiting();
}

/** Goes on after a pause, and tries again after a failure: either way where the server stands. */
export function resumeUpload(id: number): void {
  update(id, () => ({ state: "waiting", failure: null }));
  beginWaiting();
}

/** Ends it, here and on the server. */
export async function cancelUpload(id: number): Promise<void> {
  const tus = running.get(id)?.tus;
  uploads.set(uploads.get().filter((upload) => upload.id !== id));
  beginWaiting();
  // Known as running until the server knows too: else it would pass for one that was interrupted. What can't be told is swept there.
  await tus?.abort(true).catch(() => {});
  running.delete(id);
}

/** Takes a finished one out of the list. */
export function forgetUpload(id: number): void {
  running.delete(id);
  uploads.set(uploads.get().filter((upload) => upload.id !== id));
}

/** An upload that an earlier page began: its file must be chosen again to go on. */
export interface Interrupted {
  readonly key: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly url: string;
}

export async function interruptedUploads(appId: number): Promise<readonly Interrupted[]> {
  const storage = TUS_DEFAULTS.urlStorage;
  const known: PreviousUpload[] = (await storage?.findAllUploads().catch(() => [])) ?? [];
  const here = new Set([...running.values()].map(({ tus }) => tus.url));
  return known
    .filter(({ urlStorageKey, uploadUrl }) => urlStorageKey.includes(`::${prefix(appId)}`) && !here.has(uploadUrl))
    .map(({ urlStorageKey, metadata, size, uploadUrl }) => ({
      key: urlStorageKey,
      name: metadata.name || metadata.filename || "",
      sizeBytes: size ?? 0,
      url: uploadUrl ?? "",
    }))
    .filter(({ url }) => url !== "");
}

export async function discardInterrupted({ key, url }: Interrupted): Promise<void> {
  await TUS_DEFAULTS.urlStorage?.removeUpload(key);
  await TusUpload.terminate(url, { headers: appHeaders() }).catch(() => {});
}

const CHUNK_BYTES = 8 * 1024 * 1024;
const RETRY_DELAYS_MS = [0, 1000, 3000, 6000, 12_000, 24_000];
const TUS_DEFAULTS: UploadOptions = new TusUpload(new Blob(), { endpoint: "/v1/uploads" }).options;

window.addEventListener("beforeunload", (event) => {
  if (unfinished(uploads.get()).length > 0) event.preventDefault();
});

function waiting(id: number, appId: number, name: string, sizeBytes: number): Upload {
  const nothing = { sentBytes: 0, failure: null, fileId: null, bytesPerSec: null, mark: null };
  return { id, appId, name, sizeBytes, state: "waiting", ...nothing };
}

/** Kept apart by application: the same file may go into two of them. */
const prefix = (appId: number): string => `keyveil-${appId}-`;

function tusUpload(id: number, file: File, name: string, appId: number, wishes: UploadWishes): TusUpload {
  const metadata: Record<string, string> = { filename: file.name, filetype: file.type, name };
  if (wishes.workflowId !== null) metadata.workflowId = wishes.workflowId;
  if (wishes.labels.length > 0) metadata.labels = wishes.labels.join(",");
  return new TusUpload(file, {
    endpoint: "/v1/uploads",
    chunkSize: CHUNK_BYTES,
    retryDelays: RETRY_DELAYS_MS,
    removeFingerprintOnSuccess: true,
    fingerprint: async ({ name: fileName, size, lastModified }: File) =>
      `${prefix(appId)}${fileName}-${size}-${lastModified}`,
    metadata,
    headers: { ...appHeaders(), "Keyveil-App": String(appId) },
    onAfterResponse: (_, response) => {
      const fileId = response.getHeader("Keyveil-File-Id");
      if (fileId) update(id, () => ({ fileId }));
    },
    onProgress: (sentBytes) => update(id, (upload) => progressed(upload, sentBytes, performance.now())),
    onSuccess: () => finished(id, ({ sizeBytes }) => ({ ...stopped("done"), sentBytes: sizeBytes })),
    onError: (error) => failed(id, failureFromTus(error)),
  });
}

function finished(id: number, change: (upload: Upload) => Partial<Upload>): void {
  update(id, change);
  beginWaiting();
}

function failed(id: number, failure: Failure): void {
  if (failure.code === "sign_in_required") surroundings.signInRequired();
  finished(id, () => ({ ...stopped("failed"), failure }));
}

function beginWaiting(): void {
  for (const { id } of toBegin(uploads.get())) {
    update(id, () => ({ state: "sending" }));
    void begin(id);
  }
}

async function begin(id: number): Promise<void> {
  const entry = running.get(id);
  if (entry === undefined) return;
  // Looked for once: after that the upload itself knows its address.
  if (entry.resumable) {
    running.set(id, { ...entry, resumable: false });
    const [before] = await entry.tus.findPreviousUploads().catch(() => []);
    if (before !== undefined) entry.tus.resumeFromPreviousUpload(before);
  }
  const still = uploads.get().find((upload) => upload.id === id);
  if (still?.state === "sending") entry.tus.start();
}

function update(id: number, change: (upload: Upload) => Partial<Upload>): void {
  uploads.set(changed(uploads.get(), id, change));
}

function failureFromTus(error: Error | DetailedError): Failure {
  const response = "originalResponse" in error ? error.originalResponse : null;
  if (!response) return new Failure("network");
  try {
    return failureOf(response.getStatus(), JSON.parse(response.getBody()));
  } catch {
    return failureOf(response.getStatus(), null);
  }
}
