#!/usr/bin/env bash
# cargo's RUSTC_WRAPPER in `npm test`: the runners of tests (`rustc --test`) of the server and the packager are not optimized. They
# hold both crates once more and take minutes to optimize, to run for seconds. What they link, every other crate, and what is
# shipped is compiled as Cargo.toml says; so are the tests of the crates that compute. bash, because dash loses variables whose
# names it can't have itself: cargo's CARGO_BIN_EXE_key-server.
name= is_test=
previous=
for argument; do
  [ "$argument" = --test ] && is_test=yes
  [ "$previous" = --crate-name ] && name=$argument
  previous=$argument
done
case "$is_test $name" in
"yes keyveil_key_server" | "yes it" | "yes keyveil_packager" | "yes pack")
  # Without optimizing, debug assertions would be on by default, in what is instantiated of other crates, too.
  exec "$@" -C opt-level=0 -C debug-assertions=off
  ;;
esac
exec "$@"
