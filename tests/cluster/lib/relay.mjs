// `node relay.mjs HOST FROM TO`: passes connections to FROM at HOST on to the port TO of this machine, as they are. Its death breaks them all.
import { connect, createServer } from "node:net";

const [host, ...ports] = process.argv.slice(2);
const [from, to] = ports.map(Number);

createServer((client) => {
  const server = connect(to, "127.0.0.1");
  const breakOff = () => {
    client.destroy();
    server.destroy();
  };
  for (const socket of [client, server]) socket.on("error", breakOff).on("close", breakOff);
  client.pipe(server).pipe(client);
}).listen(from, host, () => console.log("listens"));
