#!/bin/sh
# cargo's RUSTC_WRAPPER in `npm test`: the runners of tests (`rustc --test`) are optimized less. Each of them holds its crate once
# more, and runs for seconds. What the tests' runners link, and what is shipped, is compiled as Cargo.toml says.
for argument; do
  [ "$argument" = --test ] && exec "$@" -C opt-level=1
done
exec "$@"
