// The key server's own tests, key-server/tests/it, on PostgreSQL: each data folder gets a database of its own there.
//
//   node tests/database/main.mjs [FILTER...]
//
// What is SQLite's alone (the module `sqlite`) is left out; plain `cargo test` runs everything on SQLite.
import { lighterTests } from "../../scripts/lib/builds.mjs";
import { start } from "../../scripts/lib/children.mjs";
import { command } from "../../scripts/lib/command.mjs";
import { say } from "../../scripts/lib/steps.mjs";
import { Postgres } from "../cluster/lib/postgres.mjs";

/** Each test has one server or a few, and each of them a dozen connections: PostgreSQL has room for so many. */
const AT_ONCE = 4;
const CARGO = ["test", "--release", "--locked", "-p", "keyveil-key-server", "--test", "it"];
const TESTS = ["--include-ignored", "--skip", "sqlite::", `--test-threads=${AT_ONCE}`];

await command(async () => {
  // Nothing here is about a power cut, and each test makes a database.
  const postgres = await Postgres.start({ settings: ["fsync=off", "full_page_writes=off", "max_connections=300"] });
  try {
    const server = new URL(await postgres.createDatabase("unused"));
    server.pathname = "";
    say("PostgreSQL runs; left out: sqlite::, what is SQLite's alone.");
    const env = { ...lighterTests, KEYVEIL_TEST_POSTGRES: server.href };
    const { code, error } = await start("cargo", [...CARGO, "--", ...TESTS, ...process.argv.slice(2)], { env }).ended;
    if (error !== null) throw error;
    return code ?? 1;
  } finally {
    await postgres.stop();
    postgres.remove();
  }
});
