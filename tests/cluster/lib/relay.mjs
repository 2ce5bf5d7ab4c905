// `node relay.mjs FROM TO`: passes connections to a port of this machine on to another one, as they are. Its death breaks them all.
import { connect, createServer } from "node:net";

const [from, to] = process.argv.slice(2).map(Number);

createServer((client) => {
  const server = connect(to, "127.0.0.1");
  const breakOff = () => {
    client.destroy();
    server.destroy();
  };
  for (const socket of [client, server]) socket.on("error", breakOff).on("close", breakOff);
  client.pipe(server).pipe(client);
}).listen(from, "127.0.0.1", () => console.log("listens"));
