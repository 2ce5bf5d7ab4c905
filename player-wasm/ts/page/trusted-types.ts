/**
 * What this package gives to functions that a page may guard by Trusted Types (`require-trusted-types-for 'script'`), under the one policy
 * `keyveil`. Where the page does not allow that policy the text goes as it is, and the browser decides.
 */

/** What is used of `globalThis.trustedTypes`. */
interface Factory {
  createPolicy(name: string, rules: Rules): Rules;
}

interface Rules {
  createScriptURL(url: string): string;
  createHTML(html: string): string;
}

const POLICY = "keyveil";
const AS_IT_IS: Rules = { createScriptURL: (url) => url, createHTML: (html) => html };

let policy: Rules | null = null;
/** What the policy passes. Nobody outside of this package adds to it, and nobody gets hold of the policy. */
const passed = new Set<string>();

/** A worker's address, for `new Worker`. */
export function trustedWorkerUrl(url: string): string {
  if (!/^https?:$/.test(new URL(url).protocol)) throw new TypeError("A worker of the player's comes from a server.");
  passed.add(url);
  return own().createScriptURL(url);
}

/** A template of this package's, for `innerHTML`. */
export function trustedTemplate(html: string): string {
  passed.add(html);
  return own().createHTML(html);
}

/** The browser hands out objects in place of the texts; their types are the DOM's business. */
function own(): Rules {
  policy ??= create();
  return policy;
}

function create(): Rules {
  const { trustedTypes } = globalThis as { trustedTypes?: Factory };
  if (!trustedTypes) return AS_IT_IS;
  const pass = (text: string): string => {
    if (!passed.has(text)) throw new TypeError("The policy keyveil passes the player's own worker and template.");
    return text;
  };
  try {
    return trustedTypes.createPolicy(POLICY, { createScriptURL: pass, createHTML: pass });
  } catch {
    return AS_IT_IS;
  }
}
