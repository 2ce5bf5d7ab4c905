//! What cryptography leaves behind on the stack, overwritten. Libraries wipe what they name as a secret; the compiler copies and moves
//! values as it sees fit, and no type can say where to. `tests/memory/` looks whether anything stays.

use std::hint::black_box;

/// More than the deepest call here uses, and a sixteenth of the module's stack.
const WORDS: usize = (64 << 10) / size_of::<u64>();

/// Runs a step that has secrets in its frames, and wipes where these were. What it returns must be no secret.
pub(crate) fn on_wiped_stack<T>(step: impl FnOnce() -> T) -> T {
    let outcome = apart(step);
    overwrite();
    outcome
}

/// In a frame of its own: inlined, its secrets would stand in the frame of the caller, which is not overwritten.
#[inline(never)]
fn apart<T>(step: impl FnOnce() -> T) -> T {
    step()
}

/// Its frame lies where those of the step were.
#[inline(never)]
fn overwrite() {
    // Zeros that someone might look at have to be written, and are in one go.
    black_box(&mut [0_u64; WORDS]);
}
