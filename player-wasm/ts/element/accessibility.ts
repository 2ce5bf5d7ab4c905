/** What media-chrome's controls leave out for viewers who listen, speak or read the subtitles' names. */

/** Call before the controls and the video are in a document: from then on they look after themselves. */
export function completeControls(content: ParentNode, video: HTMLVideoElement): void {
  // Without its toggle it is no button, and only what has a role may have a name.
  content.querySelector("media-time-display")?.setAttribute("role", "timer");
  nameAsShown(content.querySelector("media-playback-rate-menu-button"));
  video.textTracks.addEventListener("addtrack", ({ track }) => {
    if (track) nameTrack(track);
  });
}

/** media-chrome's controls take most of their words when they enter a document, so that they enter it again here. */
export function setControlsLanguage(controller: HTMLElement, tag: string): void {
  if (controller.getAttribute("lang") === tag) return;
  // It believes to speak English until it is told otherwise, and then would not be told English.
  controller.setAttribute("lang", "");
  controller.setAttribute("lang", tag);
  if (!controller.isConnected) return;
  for (const control of controller.querySelectorAll(":scope > :is([part=menu], [part=timeline], [part=bar])"))
    control.replaceWith(control);
  // This one takes its words with its number instead.
  const rate = controller.querySelector("media-playback-rate-menu-button");
  rate?.setAttribute("mediaplaybackrate", rate.getAttribute("mediaplaybackrate") ?? "1");
}

/** A title without names for its subtitles has their language codes there: `eng` is shown as English, `zho` as 中文. */
export function languageName(label: string): string | null {
  if (!/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(label) || /^(und|mis|mul|zxx)\b/.test(label)) return null;
  try {
    const [tag = label] = Intl.getCanonicalLocales(label);
    // A language is named in itself, as its speakers look for it.
    const name = new Intl.DisplayNames([tag], { type: "language", fallback: "none" }).of(tag);
    return name === undefined ? null : name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
  } catch {
    return null;
  }
}

function nameTrack(track: TextTrack): void {
  const name = languageName(track.label || track.language);
  if (name !== null) Object.defineProperty(track, "label", { value: name, configurable: true });
}

/** The button shows `1.5x` and is called "Playback rate 1.5": who says what the button shows must be understood too. */
function nameAsShown(button: Element | null): void {
  if (!button) return;
  const name = (): void => {
    const label = button.getAttribute("aria-label");
    if (label && /\d$/.test(label)) button.setAttribute("aria-label", `${label}x`);
  };
  new MutationObserver(name).observe(button, { attributeFilter: ["aria-label"] });
  name();
}
