/**
 * Media addresses carry a token in their path, and those of standard titles one in their query, too. A renewed one replaces it
 * in everything that is requested from then on.
 */

/** `…/media/<url token>/<file id>[.<version>]/<master playlist>` (docs/PROTOCOL.md, "Media"). */
const PLAYLIST_URL = /^(.*\/media\/)([^/?#]+)(\/[A-Za-z0-9_-]{1,64}(?:\.\d{1,10})?\/)[^/?#]+(?:\?[^#]*)?$/;
/** A session token (docs/DELIVERY.md, "Entry") as the value of a parameter, whose name the server chooses. */
const SESSION_TOKEN = /([?&][^=&#]+=)([A-Za-z0-9_-]{22}-[A-Za-z0-9_-]{43})(?=[&#]|$)/;

export class MediaUrls {
  #origin = "";
  #token = "";
  #folder = "";
  #sessionToken = "";
  readonly #sessionTokens = new Set<string>();

  constructor(playlistUrl: string) {
    this.update(playlistUrl);
  }

  /** Takes the tokens of a newer address of the master playlist. */
  update(playlistUrl: string): void {
    const parts = PLAYLIST_URL.exec(playlistUrl);
    if (parts) [, this.#origin = "", this.#token = "", this.#folder = ""] = parts;
    const [, , sessionToken] = SESSION_TOKEN.exec(playlistUrl) ?? [];
    if (sessionToken === undefined) return;
    this.#sessionToken = sessionToken;
    this.#sessionTokens.add(sessionToken);
  }

  /** The same address under the current tokens; addresses of anything else stay as they are. */
  current(url: string): string {
    return this.#withToken(url).replace(SESSION_TOKEN, (whole, name, token) =>
      this.#sessionTokens.has(token) ? name + this.#sessionToken : whole,
    );
  }

  #withToken(url: string): string {
    if (this.#origin === "" || !url.startsWith(this.#origin)) return url;
    const path = url.slice(this.#origin.length);
    const folderAt = path.indexOf("/");
    if (!path.startsWith(this.#folder, folderAt)) return url;
    return this.#origin + this.#token + path.slice(folderAt);
  }
}
