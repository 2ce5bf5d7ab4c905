//! Embeds one SDK build (its id, its secret, the server keys it trusts) that `KEYVEIL_SDK_BUILD` names as a JSON file:
//! `{"buildId": "…", "buildSecret": hex(32), "serverKeys": [{"id": "…", "publicKey": hex(32)}]}`.
//! Without it the crate still builds, and every session it starts fails with `build_missing`.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

use serde_json::Value;

type Failure = Box<dyn Error>;

const SERVER_KEYS_MAX: usize = 8;

fn main() -> Result<(), Failure> {
    println!("cargo::rerun-if-env-changed=KEYVEIL_SDK_BUILD");
    println!("cargo::rerun-if-changed=build.rs");
    let generated = match env::var("KEYVEIL_SDK_BUILD") {
        Ok(path) if !path.is_empty() => {
            println!("cargo::rerun-if-changed={path}");
            let text = fs::read_to_string(&path).map_err(|cause| format!("KEYVEIL_SDK_BUILD={path}: {cause}"))?;
            embedded(&text).map_err(|cause| format!("KEYVEIL_SDK_BUILD={path}: {cause}"))?
        }
        _ => "pub(crate) const EMBEDDED: Option<EmbeddedBuild> = None;\n".to_owned(),
    };
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("sdk_build.rs"), generated)?;
    Ok(())
}

/// The generated constants. The secret is stored under a mask, so that it is no 32-byte run of the wasm file.
fn embedded(text: &str) -> Result<String, Failure> {
    let build: Value = serde_json::from_str(text)?;
    let build_id = identifier(&build["buildId"])?;
    let secret = bytes32(&build["buildSecret"])?;
    let server_keys = build["serverKeys"].as_array().ok_or("serverKeys is not a list")?;
    if server_keys.is_empty() || server_keys.len() > SERVER_KEYS_MAX {
        return Err(format!("serverKeys must hold 1 to {SERVER_KEYS_MAX} keys").into());
    }
    let mask = mask_for(&build_id);
    let masked: Vec<u8> = secret.iter().zip(&mask).map(|(secret, mask)| secret ^ mask).collect();

    let mut out = String::new();
    writeln!(out, "pub(crate) const EMBEDDED: Option<EmbeddedBuild> = Some(EmbeddedBuild {{")?;
    writeln!(out, "    build_id: {build_id:?},")?;
    writeln!(out, "    masked_secret: {masked:?},")?;
    writeln!(out, "    mask: {mask:?},")?;
    writeln!(out, "    server_keys: &[")?;
    for key in server_keys {
        writeln!(out, "        ({:?}, {:?}),", identifier(&key["id"])?, bytes32(&key["publicKey"])?)?;
    }
    writeln!(out, "    ],\n}});")?;
    Ok(out)
}

/// The identifier rule of docs/PROTOCOL.md.
fn identifier(value: &Value) -> Result<String, Failure> {
    let text = value.as_str().ok_or("an id is missing")?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
        return Err("an id must be 1 to 64 of A-Z a-z 0-9 _ -".into());
    }
    Ok(text.to_owned())
}

fn bytes32(value: &Value) -> Result<[u8; 32], Failure> {
    let bytes = hex::decode(value.as_str().ok_or("a key is missing")?)?;
    bytes.try_into().map_err(|_| "a key must be 32 bytes in hex".into())
}

/// A mask is no protection against a reader of the code (docs/SECURITY.md); derived from the id it keeps builds reproducible.
fn mask_for(build_id: &str) -> [u8; 32] {
    let mut state = build_id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut mask = [0; 32];
    for chunk in mask.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        chunk.copy_from_slice(&(mixed ^ (mixed >> 27)).to_be_bytes());
    }
    mask
}
