//! The index against a model that is written from the definition alone.

mod attacks;
mod faults;
mod lists;
mod model;
mod tree;
