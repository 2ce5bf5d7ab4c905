/** Media addresses carry a token in their path. A renewed one replaces it in everything that is requested from then on. */

/** `…/media/<url token>/<file id>[.<version>]/<master playlist>` (docs/PROTOCOL.md, "Media"). */
const PLAYLIST_URL = /^(.*\/media\/)([^/?#]+)(\/[A-Za-z0-9_-]{1,64}(?:\.\d{1,10})?\/)[^/?#]+$/;

export class MediaUrls {
  #origin = "";
  #token = "";
  #folder = "";

  constructor(playlistUrl: string) {
    this.update(playlistUrl);
  }

  /** Takes the token of a newer address of the master playlist. */
  update(playlistUrl: string): void {
    const parts = PLAYLIST_URL.exec(playlistUrl);
    if (parts) [, this.#origin = "", this.#token = "", this.#folder = ""] = parts;
  }

  /** The same address under the current token; addresses of anything else stay as they are. */
  current(url: string): string {
    if (this.#origin === "" || !url.startsWith(this.#origin)) return url;
    const path = url.slice(this.#origin.length);
    const folderAt = path.indexOf("/");
    if (!path.startsWith(this.#folder, folderAt)) return url;
    return this.#origin + this.#token + path.slice(folderAt);
  }
}
