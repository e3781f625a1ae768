//! The command `tnlog`, its pages, and the documents that show it.

#[path = "../common/mod.rs"]
mod common;
#[path = "../support/mod.rs"]
mod support;

mod cli;
mod doctor;
mod mistakes;
mod operations;
mod readme;
mod security_page;
mod shell;
mod statement_commands;
