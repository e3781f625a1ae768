//! The index against a model that is written from the definition alone.

mod attacks;
mod differences;
mod faults;
mod labels;
mod lists;
mod model;
mod steps;
mod tree;
