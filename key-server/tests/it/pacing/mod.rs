//! Keys no faster than they are played (docs/PACING.md).

mod off;
mod ripper;
mod rules;
mod sdk;
mod simulation;
mod viewer;
mod world;
