//! How one build's words are made: a search tree whose leaves compute them, drawn at random for that build. Nothing here is a
//! secret kept by cleverness (docs/BUILDS.md): it is work that has to be done anew for each build.

use std::collections::BTreeMap;

use rand_core::Rng;
use walrus::ir::BinaryOp;

/// What a leaf is asked by: the word's number, scattered over all of `u32`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scatter {
    pub(super) factor: u32,
    pub(super) offset: u32,
}

/// Puts a value on the stack.
#[derive(Debug)]
pub(super) enum Expr {
    Constant(u32),
    /// The scattered number itself: another at each leaf, so no leaf is the same for all numbers.
    Slot,
    Global(usize),
    Binary(BinaryOp, Box<Self>, Box<Self>),
}

#[derive(Debug)]
pub(super) enum Tree {
    Leaf {
        value: Expr,
        /// A leaf that no word has changes a global, so that tools can't take the globals for constants.
        disturbs: Option<usize>,
    },
    Branch {
        bound: u32,
        below: Box<Self>,
        above: Box<Self>,
    },
    /// A part of the tree in a function of its own.
    Function(Box<Self>),
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) scatter: Scatter,
    pub(super) globals: Vec<u32>,
    pub(super) tree: Tree,
}

/// A number from `least` to `most`.
fn draw(rng: &mut impl Rng, least: u32, most: u32) -> u32 {
    least + rng.next_u32() % (most - least + 1)
}

impl Plan {
    pub(super) fn draw(words: &[u32], rng: &mut impl Rng) -> Self {
        let scatter = Scatter { factor: rng.next_u32() | 1, offset: rng.next_u32() };
        let globals: Vec<u32> = (0..draw(rng, 3, 9)).map(|_| rng.next_u32()).collect();
        let mut leaves = BTreeMap::new();
        for _ in 0..draw(rng, words.len() as u32 / 4, words.len() as u32) {
            let slot = rng.next_u32();
            let disturbs = Some(draw(rng, 0, globals.len() as u32 - 1) as usize);
            leaves.insert(slot, Tree::Leaf { value: Expr::draw(rng.next_u32(), slot, &globals, rng), disturbs });
        }
        // After the decoys: where one has a word's slot, the word takes it.
        for (word, index) in words.iter().zip(0_u32..) {
            let slot = scatter.slot(index);
            leaves.insert(slot, Tree::Leaf { value: Expr::draw(*word, slot, &globals, rng), disturbs: None });
        }
        let tree = Tree::draw(leaves.into_iter().collect(), rng);
        Self { scatter, globals, tree }
    }
}

impl Scatter {
    /// One to one, because the factor is odd.
    pub(super) const fn slot(self, index: u32) -> u32 {
        index.wrapping_mul(self.factor).wrapping_add(self.offset)
    }
}

impl Tree {
    /// `leaves` are sorted by their slots, and not empty.
    fn draw(mut leaves: Vec<(u32, Self)>, rng: &mut impl Rng) -> Self {
        const FUNCTION_LEAVES_MAX: usize = 12;
        let len = leaves.len();
        if len == 1 {
            return leaves.remove(0).1;
        }
        // Anywhere in the middle half: another shape each time, and never a long chain.
        let at = (len / 4).max(1) + draw(rng, 0, len as u32 / 2) as usize;
        let at = at.min(len - 1);
        let above = leaves.split_off(at);
        // Any bound between the two neighbours does.
        let (last_below, first_above) = (leaves[at - 1].0, above[0].0);
        let bound = draw(rng, last_below + 1, first_above);
        let branch =
            Self::Branch { bound, below: Box::new(Self::draw(leaves, rng)), above: Box::new(Self::draw(above, rng)) };
        let apart = (2..=FUNCTION_LEAVES_MAX).contains(&len) && draw(rng, 0, 2) == 0;
        if apart { Self::Function(Box::new(branch)) } else { branch }
    }
}

impl Expr {
    /// At least two shares, each of them random by itself.
    fn draw(value: u32, slot: u32, globals: &[u32], rng: &mut impl Rng) -> Self {
        let depth = draw(rng, 1, 3);
        Self::split(value, slot, globals, depth, rng)
    }

    /// Two random shares and the operation that makes `value` of them.
    fn split(value: u32, slot: u32, globals: &[u32], depth: u32, rng: &mut impl Rng) -> Self {
        let share = rng.next_u32();
        let (operation, left, right) = match draw(rng, 0, 3) {
            0 => (BinaryOp::I32Xor, share, value ^ share),
            1 => (BinaryOp::I32Add, share, value.wrapping_sub(share)),
            2 => (BinaryOp::I32Sub, share, share.wrapping_sub(value)),
            _ => (BinaryOp::I32Sub, value.wrapping_add(share), share),
        };
        let left = Self::share(left, slot, globals, depth - 1, rng);
        let right = Self::share(right, slot, globals, depth - 1, rng);
        Self::Binary(operation, Box::new(left), Box::new(right))
    }

    fn share(value: u32, slot: u32, globals: &[u32], depth: u32, rng: &mut impl Rng) -> Self {
        let constant = |value| Box::new(Self::Constant(value));
        match draw(rng, 0, if depth > 0 { 7 } else { 5 }) {
            0 => Self::Binary(BinaryOp::I32Xor, Box::new(Self::Slot), constant(slot ^ value)),
            1 => Self::Binary(BinaryOp::I32Sub, constant(value.wrapping_add(slot)), Box::new(Self::Slot)),
            2 => {
                let global = draw(rng, 0, globals.len() as u32 - 1) as usize;
                Self::Binary(
                    BinaryOp::I32Add,
                    Box::new(Self::Global(global)),
                    constant(value.wrapping_sub(globals[global])),
                )
            }
            3 => {
                let bits = draw(rng, 1, 31);
                Self::Binary(BinaryOp::I32Rotl, constant(value.rotate_right(bits)), constant(bits))
            }
            4 => {
                let factor = rng.next_u32() | 1;
                Self::Binary(BinaryOp::I32Mul, constant(value.wrapping_mul(inverse(factor))), constant(factor))
            }
            5 => Self::Constant(value),
            _ => Self::split(value, slot, globals, depth, rng),
        }
    }
}

/// Of an odd number, modulo 2³²: each step doubles the bits that are right, of which the number itself has three.
const fn inverse(odd: u32) -> u32 {
    let mut inverse = odd;
    let mut step = 0;
    while step < 4 {
        inverse = inverse.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
}
