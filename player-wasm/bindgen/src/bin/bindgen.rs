//! `wasm-bindgen` from the lockfile, so that tool and library never differ in version (rustc refuses a crate of that very name).

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(std::env::args_os())
}
