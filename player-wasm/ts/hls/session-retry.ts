/** Loads that were refused for their session get one new one between them, and are tried once more. */
import type { KeyveilError } from "../errors.js";

export class SessionRetry {
  readonly #open: (cause: KeyveilError) => Promise<void>;
  /** How many sessions there were. */
  #sessions = 0;
  #opening: Promise<void> | null = null;

  /** `open` makes a session, or throws what makes it impossible. */
  constructor(open: (cause: KeyveilError) => Promise<void>) {
    this.#open = open;
  }

  /** A session was made, whoever asked for it. */
  opened(): void {
    this.#sessions += 1;
  }

  /** `curable` tells errors that a new session may cure from those that are thrown as they are. */
  async run<T>(load: () => Promise<T>, curable: (thrown: unknown) => KeyveilError | null): Promise<T> {
    const sessions = this.#sessions;
    try {
      return await load();
    } catch (thrown) {
      const cause = curable(thrown);
      if (!cause) throw thrown;
      // A refusal that was on its way while another one brought a new session is about the old session.
      if (this.#opening || this.#sessions === sessions) await this.#shared(cause);
      return load();
    }
  }

  #shared(cause: KeyveilError): Promise<void> {
    this.#opening ??= this.#open(cause).finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }
}
