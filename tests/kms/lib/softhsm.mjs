// SoftHSM2 with a token of its own in a folder of its own, which can be pulled and put back.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../../scripts/lib/children.mjs";

const LABEL = "keyveil test";
const PIN = "12345678";

export class SoftHsm {
  #folder = mkdtempSync(join(tmpdir(), "keyveil-test-hsm-"));

  static async start() {
    const hsm = new SoftHsm();
    mkdirSync(hsm.#tokens);
    writeFileSync(hsm.#configuration, `directories.tokendir = ${hsm.#tokens}\nobjectstore.backend = file\n`);
    writeFileSync(join(hsm.#folder, "pin"), `${PIN}\n`, { mode: 0o600 });
    const pins = ["--so-pin", "87654321", "--pin", PIN];
    const env = { SOFTHSM2_CONF: hsm.#configuration };
    await run("softhsm2-util", ["--init-token", "--free", "--label", LABEL, ...pins], { env });
    return hsm;
  }

  /** What a key server needs to know of it. */
  get settings() {
    return {
      SOFTHSM2_CONF: this.#configuration,
      KEYVEIL_KMS_ENGINE: "pkcs11",
      KEYVEIL_KMS_PKCS11_MODULE: process.env.KEYVEIL_SOFTHSM2 || "/usr/lib/softhsm/libsofthsm2.so",
      KEYVEIL_KMS_PKCS11_TOKEN_LABEL: LABEL,
      KEYVEIL_KMS_PKCS11_PIN_FILE: join(this.#folder, "pin"),
      KEYVEIL_KMS_PKCS11_KEY_LABEL: "keyveil",
    };
  }

  pull() {
    renameSync(this.#tokens, join(this.#folder, "pulled"));
    mkdirSync(this.#tokens);
  }

  putBack() {
    rmSync(this.#tokens, { recursive: true });
    renameSync(join(this.#folder, "pulled"), this.#tokens);
  }

  remove() {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #tokens() {
    return join(this.#folder, "tokens");
  }

  get #configuration() {
    return join(this.#folder, "softhsm2.conf");
  }
}
