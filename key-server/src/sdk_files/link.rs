//! Writes a build into the template of the player's wasm: the import that asks for a word becomes code of that build.

use chacha20::ChaCha20Rng;
use keyveil_protocol::SdkBuild;
use rand_core::SeedableRng;
use walrus::ir::{BinaryOp, Value};
use walrus::{
    ConstExpr, FunctionBuilder, FunctionId, GlobalId, ImportKind, InstrSeqBuilder, LocalId, Module, ModuleConfig,
    ValType,
};

use super::SdkFilesError;
use super::plan::{Expr, Plan, Tree};

/// What wasm-bindgen calls the function of JavaScript that `player-wasm/src/sdk_build.rs` binds; a hash follows.
const WORD_IMPORT: &str = "__wbg_sign_";

/// The wasm of that build. The same template and build give the same bytes.
pub(super) fn link(template: &[u8], build: &SdkBuild) -> Result<Vec<u8>, SdkFilesError> {
    let words = build.words().map_err(|_| SdkFilesError::Build)?;
    let mut rng = ChaCha20Rng::from_seed(*build.layout_seed().expose_secret());
    let plan = Plan::draw(&words, &mut rng);
    let mut config = ModuleConfig::new();
    config.generate_name_section(false).generate_producers_section(false);
    let mut module = config.parse(template).map_err(|_| SdkFilesError::Template)?;
    let import = word_import(&module)?;
    let globals = plan.globals.iter().map(|value| {
        let init = ConstExpr::Value(Value::I32(signed(*value)));
        module.globals.add_local(ValType::I32, true, false, init)
    });
    let globals: Vec<GlobalId> = globals.collect();
    let root = add_function(&mut module, &plan.tree, &globals);
    let replaced = module.replace_imported_func(import, |(body, args)| {
        let Some(index) = args.first() else { return };
        body.local_get(*index).i32_const(signed(plan.scatter.factor)).binop(BinaryOp::I32Mul);
        body.i32_const(signed(plan.scatter.offset)).binop(BinaryOp::I32Add).call(root);
    });
    replaced.map_err(|_| SdkFilesError::Template)?;
    Ok(module.emit_wasm())
}

fn word_import(module: &Module) -> Result<FunctionId, SdkFilesError> {
    let mut imports = module.imports.iter().filter(|import| import.name.starts_with(WORD_IMPORT));
    let (Some(import), None) = (imports.next(), imports.next()) else { return Err(SdkFilesError::Template) };
    let ImportKind::Function(function) = import.kind else { return Err(SdkFilesError::Template) };
    let ty = module.types.get(module.funcs.get(function).ty());
    if ty.params() != [ValType::I32] || ty.results() != [ValType::I32] {
        return Err(SdkFilesError::Template);
    }
    Ok(function)
}

/// A function of a slot. Those it calls come before it.
fn add_function(module: &mut Module, tree: &Tree, globals: &[GlobalId]) -> FunctionId {
    let mut inner = Vec::new();
    add_inner(module, tree, globals, &mut inner);
    let mut inner = inner.into_iter();
    let slot = module.locals.add(ValType::I32);
    let mut builder = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[ValType::I32]);
    Emitter { slot, globals, inner: &mut inner }.tree(&mut builder.func_body(), tree);
    builder.finish(vec![slot], &mut module.funcs)
}

/// The functions that `tree` calls itself, in the order in which it is written.
fn add_inner(module: &mut Module, tree: &Tree, globals: &[GlobalId], added: &mut Vec<FunctionId>) {
    match tree {
        Tree::Leaf { .. } => {}
        Tree::Branch { below, above, .. } => {
            add_inner(module, below, globals, added);
            add_inner(module, above, globals, added);
        }
        Tree::Function(inner) => added.push(add_function(module, inner, globals)),
    }
}

struct Emitter<'a> {
    slot: LocalId,
    globals: &'a [GlobalId],
    inner: &'a mut std::vec::IntoIter<FunctionId>,
}

impl Emitter<'_> {
    fn tree(&mut self, body: &mut InstrSeqBuilder, tree: &Tree) {
        match tree {
            Tree::Leaf { value, disturbs } => {
                self.expr(body, value);
                if let Some(global) = disturbs.and_then(|at| self.globals.get(at)) {
                    body.local_get(self.slot).global_set(*global);
                }
            }
            Tree::Branch { bound, below, above } => {
                body.local_get(self.slot).i32_const(signed(*bound)).binop(BinaryOp::I32LtU);
                let arm = |emitter: &mut Self, body: &mut InstrSeqBuilder, tree: &Tree| {
                    let mut seq = body.dangling_instr_seq(ValType::I32);
                    emitter.tree(&mut seq, tree);
                    seq.id()
                };
                let (consequent, alternative) = (arm(self, body, below), arm(self, body, above));
                body.instr(walrus::ir::IfElse { consequent, alternative });
            }
            Tree::Function(_) => {
                if let Some(function) = self.inner.next() {
                    body.local_get(self.slot).call(function);
                }
            }
        }
    }

    fn expr(&self, body: &mut InstrSeqBuilder, expr: &Expr) {
        match expr {
            Expr::Constant(value) => {
                body.i32_const(signed(*value));
            }
            Expr::Slot => {
                body.local_get(self.slot);
            }
            Expr::Global(at) => {
                if let Some(global) = self.globals.get(*at) {
                    body.global_get(*global);
                }
            }
            Expr::Binary(operation, left, right) => {
                self.expr(body, left);
                self.expr(body, right);
                body.binop(*operation);
            }
        }
    }
}

const fn signed(value: u32) -> i32 {
    value.cast_signed()
}
