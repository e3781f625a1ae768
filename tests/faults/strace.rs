//! `strace`, attached to threads of a program that runs: shows their calls, and makes them fail.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{skip, wait_for};

/// The threads of `tnlog serve` that write.
pub const WRITERS: [&str; 3] = ["rounds", "upkeep", "index"];

/// Every call by which a log reads or writes its disk.
pub const CALLS: &str = "openat,read,pread64,write,pwrite64,fsync,fdatasync,ftruncate,rename,link,linkat,unlink,mkdir,\
                         rmdir,getdents64,statx,newfstatat";

/// The ids of the threads of a process with these names, which each gives itself when it begins to run. What they start for a
/// moment has their name too, and comes later.
pub fn threads(process: u32, names: &[&str]) -> Vec<u32> {
    let mut found = Vec::new();
    wait_for("a thread has not begun", || {
        found = named(process, names);
        found.len() == names.len()
    });
    found
}

fn named(process: u32, names: &[&str]) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let named = tasks.filter_map(|task| {
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        Some((name.trim_end().to_owned(), task.file_name().to_str()?.parse().ok()?))
    });
    let named: Vec<(String, u32)> = named.collect();
    let oldest = |name: &&str| named.iter().filter(|(other, _)| other == name).map(|(_, id)| *id).min();
    names.iter().filter_map(oldest).collect()
}

pub struct Strace {
    child: Child,
    trace: PathBuf,
}

impl Strace {
    /// Attaches to threads; none, and the test is skipped, where that is not possible.
    pub fn attach(folder: &Path, threads: &[u32], options: &[&str]) -> Option<Self> {
        let (trace, messages) = (folder.join("trace"), folder.join("strace"));
        let mut command = Command::new("strace");
        // Without -f, which would take all threads of the process.
        command.args(["-y", "-o"]).arg(&trace).args(options);
        threads.iter().for_each(|thread| _ = command.args(["-p", &thread.to_string()]));
        let stderr = File::create(&messages).unwrap();
        let Ok(mut child) = command.stdin(Stdio::null()).stderr(stderr).spawn() else {
            skip("strace is not installed");
            return None;
        };
        let said = || std::fs::read_to_string(&messages).unwrap();
        wait_for("strace does not attach", || {
            said().matches(" attached").count() == threads.len() || child.try_wait().unwrap().is_some()
        });
        if child.try_wait().unwrap().is_some_and(|status| !status.success()) {
            skip(&format!("this system does not let strace attach: {}", said()));
            return None;
        }
        Some(Strace { child, trace })
    }

    /// Lets go of the threads; gives what was traced.
    pub fn detach(mut self) -> String {
        self.let_go();
        std::fs::read_to_string(&self.trace).unwrap()
    }

    /// A killed tracer would leave its threads as they are, and a stopped one lets them run.
    fn let_go(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        }
        let _ = self.child.wait();
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        self.let_go();
    }
}
