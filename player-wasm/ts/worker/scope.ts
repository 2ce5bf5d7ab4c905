/**
 * Where this module runs. Imported by a page, or by a worker that the page wrote and that had hooked `appendBuffer` before, it would
 * work for that one. This stops who only imports it, and not who serves it altered (docs/SECURITY.md, "Not stopped").
 */

/** Whether `scope` is a worker that was started from the module at `moduleUrl`. */
export function isOwnWorker(scope: unknown, moduleUrl: string): boolean {
  const { DedicatedWorkerGlobalScope: Worker, location } = scope as Partial<WorkerGlobals>;
  if (!Worker || !location || !(scope instanceof Worker)) return false;
  // A bundler that puts the file's path on its own disk in place of the address leaves nothing to compare.
  return moduleUrl.startsWith("file:") || withoutFragment(location.href) === withoutFragment(moduleUrl);
}

interface WorkerGlobals {
  readonly DedicatedWorkerGlobalScope: new () => object;
  readonly location: { readonly href: string };
}

function withoutFragment(url: string): string {
  return url.replace(/#.*$/s, "");
}
