/** What is wrong and what to do about it, for every code of the protocol. */
export const failuresEn = {
  "failure.malformed_request": "The request was not understood",
  "failure.malformed_request.action":
    "Reload the page. If it stays, the player and the key server are of different versions.",
  "failure.body_too_large": "The request is too large",
  "failure.body_too_large.action": "Open the title again from the console: this link's signature is too long.",
  "failure.unsupported_media_type": "The request was not understood",
  "failure.unsupported_media_type.action":
    "Reload the page. If it stays, something between the page and the key server rewrites requests.",
  "failure.not_found": "The key server has nothing at this address",
  "failure.not_found.action": "Open the title again from the console.",
  "failure.method_not_allowed": "The request was not understood",
  "failure.method_not_allowed.action":
    "Reload the page. If it stays, the player and the key server are of different versions.",
  "failure.psign_malformed": "The signature can't be read",
  "failure.psign_malformed.action":
    "The link was probably cut off while copying. Copy it whole, or open the title again from the console.",
  "failure.psign_algorithm": "The signature uses another algorithm",
  "failure.psign_algorithm.action": "Sign with HS256 and a signing key of your application.",
  "failure.psign_signature": "The signature is not valid",
  "failure.psign_signature.action":
    "It was made with another key or was altered. Open the title again from the console.",
  "failure.psign_expired": "The signature has expired",
  "failure.psign_expired.action": "Open the title again from the console to get a fresh one.",
  "failure.psign_from_future": "The signature is dated in the future",
  "failure.psign_from_future.action":
    "Set the clock of the server that signs, then open the title again from the console.",
  "failure.psign_other_title": "The signature is for another title",
  "failure.psign_other_title.action": "Open this title from the console: a signature fits one title only.",
  "failure.psign_content_type": "The signature does not fit this kind of title",
  "failure.psign_content_type.action":
    "Sign again: audioVideoType must be ProtectedAdaptive for private titles and RawAdaptive for clear ones.",
  "failure.psign_limit_unsupported": "The signature asks for a limit that is not enforced here",
  "failure.psign_limit_unsupported.action":
    "Sign again without that limit, or ask the operator for a version that enforces it.",
  "failure.origin_not_allowed": "This site may not play the title",
  "failure.origin_not_allowed.action": "Ask the operator to add this site's host name to the application's domains.",
  "failure.title_not_found": "There is no such title",
  "failure.title_not_found.action": "It was deleted, or is not published yet. Look it up in the console.",
  "failure.title_exists": "A title with this id is already published",
  "failure.title_exists.action": "Choose another file id.",
  "failure.title_changed": "The video was encrypted anew",
  "failure.title_changed.action": "Load the page again to play the current version.",
  "failure.public_key_invalid": "The key exchange was refused",
  "failure.public_key_invalid.action": "Reload the page to begin a new exchange.",
  "failure.build_unknown": "This player build is retired or unknown",
  "failure.build_unknown.action":
    "Reload the page without the cache. If it stays, the operator must deploy the current player files.",
  "failure.session_invalid": "The session is not valid",
  "failure.session_invalid.action": "Reload the page to open a new session.",
  "failure.session_expired": "The session has ended",
  "failure.session_expired.action": "Open the title again from the console to get a fresh signature.",
  "failure.counter_replayed": "A request was seen twice",
  "failure.counter_replayed.action":
    "Reload the page. If it stays, something between the page and the key server repeats requests.",
  "failure.period_out_of_range": "There is no such part of the title",
  "failure.period_out_of_range.action": "The title may have been replaced. Reload the page.",
  "failure.url_invalid": "A media address was altered",
  "failure.url_invalid.action": "Open the title again from the console.",
  "failure.url_expired": "The media addresses have expired",
  "failure.url_expired.action":
    "Reload the page; if the signature has expired too, open the title again from the console.",
  "failure.range_not_satisfiable": "A part of the video is missing on the server",
  "failure.range_not_satisfiable.action": "The operator should package the title again.",
  "failure.api_key_invalid": "The API key was refused",
  "failure.api_key_invalid.action": "Check that all of it was copied and that it was not revoked, then paste it again.",
  "failure.unavailable": "The key server is busy or its storage does not answer",
  "failure.unavailable.action": "Wait a moment and try again.",
  "failure.internal": "The key server failed",
  "failure.internal.action": "Try again. If it stays, give the request number to the operator.",
  "failure.network": "The key server can't be reached",
  "failure.network.action": "Check the connection, and that the server is running, then try again.",
  "failure.envelope_rejected": "The keys did not come from the expected server",
  "failure.envelope_rejected.action":
    "Playback stopped because the sealed keys could not be verified. Reload the page; if it stays, tell the operator: the connection may be tampered with.",
  "failure.server_key_unknown": "The server's key is not the one this player trusts",
  "failure.server_key_unknown.action":
    "Reload the page without the cache. If it stays, the operator must deploy the current player files.",
  "failure.build_missing": "The player was built without its secret",
  "failure.build_missing.action":
    "The operator must build the player for this installation: start it once with npm start.",
  "failure.segment_damaged": "A part of the video is damaged",
  "failure.segment_damaged.action":
    "Try again. If it stops at the same place, the operator should package the title again.",
  "failure.key_tag_malformed": "The playlist is damaged",
  "failure.key_tag_malformed.action": "Try again. If it stays, the operator should package the title again.",
  "failure.key_not_granted": "No key was given for this part",
  "failure.key_not_granted.action": "Choose a lower quality: the signature may not cover this one.",
  "failure.signature_unavailable": "No fresh signature could be had",
  "failure.signature_unavailable.action": "Open the title again from the console.",
  "failure.wasm_unavailable": "The decryption module can't be loaded",
  "failure.wasm_unavailable.action":
    "Reload the page. Some extensions and company policies block WebAssembly: allow it for this site.",
  "failure.worker_crashed": "The decryption worker stopped",
  "failure.worker_crashed.action": "Reload the page. Closing other tabs helps when memory is short.",
  "failure.unsupported_browser": "This browser can't play protected video",
  "failure.unsupported_browser.action": "Use a current Chrome, Edge, Firefox or Safari.",
  "failure.media_error": "The browser could not play the video",
  "failure.media_error.action": "Try again, or use another browser.",
  "failure.aborted": "Playback was stopped",
  "failure.aborted.action": "Try again to start it anew.",
  "failure.destroyed": "The player was closed",
  "failure.destroyed.action": "Reload the page to open it again.",
  "failure.unknown": "Something went wrong",
  "failure.unknown.action": "Try again. If it stays, give the code below to the operator.",
};

export type FailureMessages = Record<keyof typeof failuresEn, string>;
