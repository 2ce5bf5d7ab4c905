/** What a browser remembers for a reader: choices only, never a credential. Storage may be forbidden; then nothing is. */
export const choices = {
  read(name: ChoiceName): string | null {
    try {
      return localStorage.getItem(`keyveil.${name}`);
    } catch {
      return null;
    }
  },
  write(name: ChoiceName, value: string | null): void {
    try {
      if (value === null) localStorage.removeItem(`keyveil.${name}`);
      else localStorage.setItem(`keyveil.${name}`, value);
    } catch {
      // The choice then lasts as long as the page.
    }
  },
};

type ChoiceName = "theme" | "language" | "app";
