/** Where the player plays a title with a signature. Both stand in the fragment, which no server sees. */
export function playerAddress(fileId: string, psign: string): string {
  return `/player/#${new URLSearchParams({ file: fileId, psign })}`;
}

/** The signature in what was pasted: itself, or the `psign=` of a link. */
export function psignIn(text: string): string {
  const [, inLink] = /[#?&]psign=([^&\s]+)/.exec(text) ?? [];
  return (inLink ?? text).replace(/\s+/g, "");
}
