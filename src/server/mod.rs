//! The log: admission, the sequencer and its stores, the HTTP API.

pub mod budget;
pub mod clock;
pub mod config;
pub mod dedup;
mod derived;
pub mod doctor;
pub mod evidence;
pub mod http;
pub mod index;
pub mod issuers;
pub mod kept;
pub mod keys;
pub mod log;
pub mod metrics;
pub mod open;
mod pair;
pub mod pem_folder;
pub mod plan;
pub mod pool;
pub mod problem;
pub mod read;
pub mod readable;
pub mod roots;
pub mod rounds;
pub mod run;
pub mod sequencer;
pub mod services;
pub mod signatures;
pub mod signer;
pub mod slots;
pub mod staging;
pub mod witness;

/// Starts a thread whose name the tools of the system show.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).expect("the system gives a log its threads")
}
