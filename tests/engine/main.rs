//! The sequencer against failing stores, loss of power and damage. Every test ends in the same checker.

mod checker;
mod damage;
mod disk;
mod driver;
mod faults;
mod power;
mod settle;
mod store;
