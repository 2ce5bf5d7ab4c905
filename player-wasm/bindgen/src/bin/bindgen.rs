//! `wasm-bindgen` from the workspace's lockfile, so that the tool and the library can never differ in version.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(std::env::args_os())
}
