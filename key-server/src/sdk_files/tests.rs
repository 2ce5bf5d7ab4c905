//! Random builds in a small template: what is written is valid, answers what it should, and holds the secret nowhere.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashSet;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use chacha20::ChaCha20Rng;
use keyveil_protocol::{EmbeddedBuild, PskSecret, SdkBuild, ServerKey};
use rand_core::{Rng, SeedableRng};
use walrus::ir::BinaryOp;
use walrus::{FunctionBuilder, Module, ValType};

use super::SdkFiles;
use super::link::link;
use super::run::Machine;

const BUILDS: u64 = 200;
const WORKER: &str = "let pin=`keyveil-sdk-pin:none`;start(/^keyveil-sdk-pin:(.*)$/.exec(pin))";

fn build(seed: u64) -> SdkBuild {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut bytes = || {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        bytes
    };
    let keys = 1 + seed % 3;
    let server_keys = (0..keys)
        .map(|at| ServerKey::from_bytes(format!("server-{at}").parse().unwrap(), &bytes()).unwrap().public_key());
    let server_keys = server_keys.collect();
    SdkBuild { id: format!("build-{seed}").parse().unwrap(), secret: PskSecret::from_bytes(bytes()), server_keys }
}

/// As wasm-bindgen leaves it: the import, and an exported function that calls it.
fn template() -> Vec<u8> {
    let mut module = Module::default();
    let ty = module.types.add(&[ValType::I32], &[ValType::I32]);
    let (word, _) = module.add_import_func("./keyveil_bg.js", "__wbg_sign_0f0f", ty);
    module.add_import_func("./keyveil_bg.js", "__wbg_other_0f0f", ty);
    let index = module.locals.add(ValType::I32);
    let mut builder = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[ValType::I32]);
    builder.func_body().local_get(index).call(word);
    let exported = builder.finish(vec![index], &mut module.funcs);
    module.exports.add("word", exported);
    module.emit_wasm()
}

/// The leaky control: the same template with each word as the constant that it is.
fn embedded_plainly(build: &SdkBuild) -> Vec<u8> {
    let mut module = Module::from_buffer(&template()).unwrap();
    let import = module.imports.find("./keyveil_bg.js", "__wbg_sign_0f0f").unwrap();
    let walrus::ImportKind::Function(import) = module.imports.get(import).kind else { panic!("a function") };
    let bytes = module.memories.add_local(false, false, 1, None, None);
    let kind = walrus::DataKind::Active { memory: bytes, offset: walrus::ConstExpr::Value(walrus::ir::Value::I32(0)) };
    module.data.add(kind, build.secret.expose_secret().to_vec());
    let words = build.words().unwrap();
    module
        .replace_imported_func(import, |(body, args)| {
            body.i32_const(0);
            for (word, index) in words.iter().zip(0..) {
                body.i32_const(word.cast_signed()).local_get(args[0]).i32_const(index).binop(BinaryOp::I32Eq);
                body.binop(BinaryOp::I32Mul).binop(BinaryOp::I32Add);
            }
        })
        .unwrap();
    module.emit_wasm()
}

fn psk_of(wasm: &[u8]) -> PskSecret {
    let machine = Machine::load(wasm);
    EmbeddedBuild::read(|index| machine.call("word", index)).unwrap().psk().secret().clone()
}

/// Every form that a search of the file would try.
fn holds(wasm: &[u8], secret: &[u8]) -> bool {
    let reversed: Vec<u8> = secret.iter().rev().copied().collect();
    let swapped: Vec<u8> = secret.chunks(4).flat_map(|word| word.iter().rev().copied()).collect();
    let texts = [hex::encode(secret), Base64::encode_string(secret), Base64UrlUnpadded::encode_string(secret)];
    let forms = [secret.to_vec(), reversed, swapped].into_iter().chain(texts.map(String::into_bytes));
    // A quarter of it is enough to find it by.
    forms.into_iter().any(|form| form.chunks_exact(8).any(|part| wasm.windows(8).any(|window| window == part)))
}

/// Its words but for small ones, like the end of a text: those are among the constants of any code.
fn large_words(build: &SdkBuild) -> Vec<u32> {
    build.words().unwrap().iter().copied().filter(|word| *word > 0xFFFF).collect()
}

/// The words that its code has as constants.
fn words_among_constants(wasm: &[u8], build: &SdkBuild) -> usize {
    let constants: HashSet<u32> = Machine::load(wasm).constants().into_iter().map(|(_, value)| value).collect();
    large_words(build).iter().filter(|word| constants.contains(word)).count()
}

#[test]
fn each_build_is_a_valid_module_that_answers_its_own_words_and_holds_none_of_them() {
    let template = template();
    for seed in 0..BUILDS {
        let build = build(seed);
        let wasm = link(&template, &build).unwrap();
        let machine = Machine::load(&wasm);
        for (word, index) in build.words().unwrap().iter().zip(0..) {
            assert_eq!(machine.call("word", index), *word, "word {index} of build {seed}");
        }
        assert_eq!(psk_of(&wasm), build.secret, "build {seed}");
        assert!(!holds(&wasm, build.secret.expose_secret()), "build {seed}");
        assert_eq!(words_among_constants(&wasm, &build), 0, "build {seed}");
        assert_eq!(machine.imports(), ["__wbg_other_0f0f"]);
    }
}

#[test]
fn the_searches_find_what_is_embedded_plainly() {
    let build = build(1);
    let leaky = embedded_plainly(&build);
    assert_eq!(psk_of(&leaky), build.secret);
    assert!(holds(&leaky, build.secret.expose_secret()));
    let words = large_words(&build);
    assert!(words.len() > 16, "label, masked secret and more");
    assert_eq!(words_among_constants(&leaky, &build), words.len());
}

#[test]
fn a_build_is_written_the_same_each_time_and_no_other_build_like_it() {
    let template = template();
    let modules: Vec<Vec<u8>> = (0..BUILDS).map(|seed| link(&template, &build(seed)).unwrap()).collect();
    for (seed, module) in (0..).zip(&modules).take(20) {
        assert_eq!(&link(&template, &build(seed)).unwrap(), module);
    }
    // A number that is at the same place in two builds would be a place to read the next one at.
    let placed = |wasm: &[u8]| Machine::load(wasm).constants().into_iter().collect::<HashSet<_>>();
    let is_large = |(_, value): &&(usize, u32)| *value > 0xFFFF;
    for pair in modules.windows(2) {
        let (one, other) = (placed(&pair[0]), placed(&pair[1]));
        assert!(one.len() > 100, "the control: there is what to compare");
        assert_eq!(one.intersection(&other).filter(is_large).count(), 0);
    }
    let lengths: HashSet<usize> = modules.iter().map(Vec::len).collect();
    assert!(lengths.len() > 100, "{} lengths of {BUILDS}", lengths.len());
}

#[test]
fn the_worker_gets_the_pin_in_its_one_place() {
    let build = build(3);
    let files = SdkFiles::make(&template(), WORKER, &build).unwrap();
    let manifest = &files.manifest;
    assert_eq!(manifest.sha256, hex::encode(ring::digest::digest(&ring::digest::SHA256, &files.wasm)));
    assert_eq!(manifest.wasm, format!("keyveil-build-3.{}.wasm", &manifest.sha256[..16]));
    assert_eq!(super::build_of(&manifest.wasm).as_ref(), Some(&build.id));
    let pin = format!("keyveil-sdk-pin:{}:{}", manifest.wasm, manifest.sha256);
    assert_eq!(files.worker, WORKER.replace("keyveil-sdk-pin:none", &pin));
    for worker in ["", &files.worker, &format!("{WORKER}{WORKER}")] {
        assert!(SdkFiles::make(&template(), worker, &build).is_err());
    }
    assert!(SdkFiles::make(&files.wasm, WORKER, &build).is_err(), "a build is no template");
    assert!(SdkFiles::make(b"<html>", WORKER, &build).is_err());
}

#[test]
fn only_what_was_written_here_is_known_by_its_name() {
    let name = |name: &str| super::build_of(name).map(|id| id.to_string());
    assert_eq!(name("keyveil-b_1-x.0123456789abcdef.wasm").as_deref(), Some("b_1-x"));
    for other in [
        "keyveil.wasm",
        "keyveil-a.wasm",
        "keyveil-.0123456789abcdef.wasm",
        "keyveil-a.0123456789abcdeg.wasm",
        "worker.js",
    ] {
        assert_eq!(name(other), None, "{other}");
    }
}
