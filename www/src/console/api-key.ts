const STORED_AS = "keyveil.api-key";
const FORM = /^kv_[A-Za-z0-9_-]{1,64}_[A-Za-z0-9_-]{43}$/;

/** An API key that has the right form. It lives in this tab's session storage and nowhere else. */
export class ApiKey {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** `kv_<API key id>_<base64url(32)>`, or null when it is something else. */
  static parse(text: string): ApiKey | null {
    const trimmed = text.trim();
    return FORM.test(trimmed) ? new ApiKey(trimmed) : null;
  }

  /** The part that is no secret. */
  get id(): string {
    return this.#text.slice("kv_".length, -"_".length - 43);
  }

  /** The `Authorization` header's value. */
  bearer(): string {
    return `Bearer ${this.#text}`;
  }

  keep(): void {
    sessionStorage.setItem(STORED_AS, this.#text);
  }

  static kept(): ApiKey | null {
    return ApiKey.parse(sessionStorage.getItem(STORED_AS) ?? "");
  }

  static forget(): void {
    sessionStorage.removeItem(STORED_AS);
  }
}

/**
 * Takes `#api-key=…` out of the address, so that it is neither bookmarked nor seen over a shoulder.
 * Answers null without one, `"malformed"` when it can't be an API key.
 */
export function takeApiKeyFromAddress(): ApiKey | "malformed" | null {
  const text = new URLSearchParams(location.hash.slice(1)).get("api-key");
  if (text === null) return null;
  history.replaceState(null, "", location.pathname);
  return ApiKey.parse(text) ?? "malformed";
}
