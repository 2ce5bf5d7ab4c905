//! Runs what a build's code is made of, from the bytes: enough of WebAssembly for that, and a refusal of anything else.

use std::cell::RefCell;

use wasmparser::{ExternalKind, FunctionBody, Operator, Parser, Payload, TypeRef, Validator};

/// A module that has been validated.
pub(super) struct Machine<'a> {
    imports: Vec<&'a str>,
    exports: Vec<(&'a str, u32)>,
    bodies: Vec<(usize, Vec<Operator<'a>>)>,
    globals: RefCell<Vec<u32>>,
}

impl<'a> Machine<'a> {
    pub(super) fn load(wasm: &'a [u8]) -> Self {
        Validator::new().validate_all(wasm).unwrap();
        let mut machine = Self { imports: vec![], exports: vec![], bodies: vec![], globals: RefCell::default() };
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.unwrap() {
                Payload::ImportSection(reader) => {
                    for import in reader.into_imports() {
                        let import = import.unwrap();
                        assert!(matches!(import.ty, TypeRef::Func(_)));
                        machine.imports.push(import.name);
                    }
                }
                Payload::GlobalSection(reader) => {
                    for global in reader {
                        let mut init = global.unwrap().init_expr.get_operators_reader();
                        let Operator::I32Const { value } = init.read().unwrap() else { panic!("not a constant") };
                        machine.globals.get_mut().push(value.cast_unsigned());
                    }
                }
                Payload::ExportSection(reader) => {
                    let exports = reader.into_iter().map(Result::unwrap);
                    let functions = exports.filter(|export| export.kind == ExternalKind::Func);
                    machine.exports.extend(functions.map(|export| (export.name, export.index)));
                }
                Payload::CodeSectionEntry(body) => machine.bodies.push(operators(&body)),
                _ => {}
            }
        }
        machine
    }

    pub(super) fn imports(&self) -> &[&'a str] {
        &self.imports
    }

    /// Every constant of its code and of its globals, with where it stands.
    pub(super) fn constants(&self) -> Vec<(usize, u32)> {
        let mut constants: Vec<(usize, u32)> = self.globals.borrow().iter().copied().enumerate().collect();
        for (offset, operators) in &self.bodies {
            for (at, operator) in operators.iter().enumerate() {
                if let Operator::I32Const { value } = operator {
                    constants.push((offset + at, value.cast_unsigned()));
                }
            }
        }
        constants
    }

    pub(super) fn call(&self, export: &str, argument: u32) -> u32 {
        let (_, index) = self.exports.iter().find(|(name, _)| *name == export).unwrap();
        self.run(*index, argument)
    }

    fn run(&self, function: u32, argument: u32) -> u32 {
        let (_, operators) = &self.bodies[function as usize - self.imports.len()];
        let mut stack: Vec<u32> = vec![];
        let mut at = 0;
        while let Some(operator) = operators.get(at) {
            at += 1;
            let mut pop = || stack.pop().unwrap();
            let result = match operator {
                Operator::I32Const { value } => value.cast_unsigned(),
                Operator::LocalGet { local_index: 0 } => argument,
                Operator::GlobalGet { global_index } => self.globals.borrow()[*global_index as usize],
                Operator::GlobalSet { global_index } => {
                    self.globals.borrow_mut()[*global_index as usize] = pop();
                    continue;
                }
                Operator::Call { function_index } => {
                    let argument = pop();
                    self.run(*function_index, argument)
                }
                Operator::If { .. } => {
                    if pop() == 0 {
                        at = end_of_arm(operators, at);
                    }
                    continue;
                }
                // The arm that was taken ends here: what follows is the other one.
                Operator::Else => {
                    at = end_of_arm(operators, at);
                    continue;
                }
                Operator::End => continue,
                binary => {
                    let (right, left) = (pop(), pop());
                    apply(binary, left, right)
                }
            };
            stack.push(result);
        }
        assert_eq!(stack.len(), 1);
        stack[0]
    }
}

fn operators<'a>(body: &FunctionBody<'a>) -> (usize, Vec<Operator<'a>>) {
    let reader = body.get_operators_reader().unwrap();
    (body.range().start, reader.into_iter().map(Result::unwrap).collect())
}

/// Behind the `else` or `end` of the arm that begins at `at`.
fn end_of_arm(operators: &[Operator], mut at: usize) -> usize {
    let mut depth = 0;
    loop {
        match operators[at] {
            Operator::If { .. } => depth += 1,
            Operator::Else if depth == 0 => return at + 1,
            Operator::End if depth == 0 => return at + 1,
            Operator::End => depth -= 1,
            _ => {}
        }
        at += 1;
    }
}

fn apply(operator: &Operator, left: u32, right: u32) -> u32 {
    match operator {
        Operator::I32Add => left.wrapping_add(right),
        Operator::I32Sub => left.wrapping_sub(right),
        Operator::I32Mul => left.wrapping_mul(right),
        Operator::I32Xor => left ^ right,
        Operator::I32Rotl => left.rotate_left(right),
        Operator::I32LtU => u32::from(left < right),
        Operator::I32Eq => u32::from(left == right),
        other => panic!("{other:?} is not known here"),
    }
}
