/** Importing this module defines `<keyveil-player>`. On a server it does nothing. */
import "media-chrome";
import "media-chrome/menu";
import "media-chrome/lang/zh-CN.js";
import { KeyveilPlayerElement } from "./element/keyveil-player-element.js";

export { KeyveilPlayerElement };

if (globalThis.customElements && !customElements.get("keyveil-player")) {
  customElements.define("keyveil-player", KeyveilPlayerElement);
}

declare global {
  interface HTMLElementTagNameMap {
    "keyveil-player": KeyveilPlayerElement;
  }
}
