/** Levels of playback, as settings, signatures and sessions speak of them. */
export const levelsEn = {
  "level.sealed": "Sealed",
  "level.guarded": "Guarded",
  "level.standard": "Standard",
  "level.sealed.is": "As the player says, clear video stayed in its worker.",
  "level.guarded.is": "As the player says, keys stayed in its worker, clear video did not.",
  "level.standard.is": "Keys were handed out openly.",

  "level.least": "Least level allowed",
  "level.least.sealed": "Sealed only",
  "level.least.sealed.hint":
    "Clear video never reaches the page, so tools that copy it there get nothing; needs Chrome, Edge or another browser built on Chromium.",
  "level.least.guarded": "Guarded or sealed",
  "level.least.guarded.hint":
    "Adds Firefox and Safari: keys stay hidden from the page, but a tool in it can copy the clear video while it plays.",
  "level.least.standard": "Any level",
  "level.least.standard.hint":
    "Adds titles in standard HLS: their keys are handed out openly, so whoever may watch can also copy.",
  "level.least.inherit": "As the app settings say",
  "level.least.tighten": "Can be stricter than the app settings, not laxer.",

  "level.below": "What a lower level gets",
  "level.below.refuse": "Nothing: it is refused",
  "level.below.AUDIO": "Sound only",
  "level.below.SD": "Up to SD",
  "level.below.HD": "Up to HD",
  "level.below.UHD": "Up to UHD: everything",
  "level.below.hint": "Titles in standard HLS are always lower; clear titles have no level.",

  "level.downgrade.browser": "The browser has no MediaSource in workers.",
  "level.downgrade.application": "The page asked for it.",
  "level.downgrade.own_hls": "The page brings its own hls.js.",
  "level.downgrade.hls_settings": "The page’s settings for hls.js hold functions.",
  "level.downgrade.old_player": "The player is of an older version.",
  "level.downgrade.browser.short": "browser can’t",
  "level.downgrade.application.short": "page asked",
  "level.downgrade.own_hls.short": "own hls.js",
  "level.downgrade.hls_settings.short": "hls.js settings",
  "level.downgrade.old_player.short": "old player",
};
