// Ports for servers that are started again at the same place.
import { createServer } from "node:net";

/** Below the range from which the system takes ports for outgoing connections: it must still be free after a restart. */
export async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = createServer();
    const free = await new Promise((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
