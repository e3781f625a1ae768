//! Disks that are full, read-only or slow. Submissions are refused for as long, what is there is served, and the log goes on by
//! itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::answered::{Seen, answered, submission};
use crate::common::{Process, Response, add_chain, files_below, get, issuing, try_post};
use crate::strace::{Strace, WRITERS, threads};
use crate::{World, audit, indexed, said, skip, wait_for};

/// Submits one; remembers the answer where there is one.
fn submit(process: &Process, n: u32, seen: &Seen) -> Response {
    let body = add_chain(&submission(&issuing(), n));
    let response = try_post(process.address, "/ct/v1/add-chain", &body).expect("the log runs");
    if response.status == 200 {
        seen.answered.lock().unwrap().push(answered(n, &response.json()));
    }
    response
}

/// A small disk in memory, which is unmounted with the test.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tnlog-test"]).arg(at);
        match mount.output() {
            Ok(output) if output.status.success() => Some(SmallDisk(at.to_owned())),
            _ => {
                skip("a small disk cannot be mounted: the test does not run as root");
                None
            }
        }
    }

    fn remount(&self, options: &str) {
        let mut mount = Command::new("mount");
        let output = mount.args(["-o", &format!("remount,{options}")]).arg(&self.0).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Writes until nothing fits any more.
fn fill(file: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(file).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
}

/// A derived database whose journal could not be written once refuses everything from then on. Fails without `Derived::mend`, and
/// without `Driver::reopen_after`.
#[test]
fn a_derived_database_that_could_not_be_written_is_opened_again() {
    let world = World::new();
    for database in ["derived", "derived-index"] {
        let copy = world.copy();
        let (process, seen) = (copy.start(), Seen::default());
        let journals = files_below(&copy.log().join(database)).into_iter();
        let journals = journals.filter(|file| file.extension().is_some_and(|extension| extension == "jnl"));
        let mut options = vec!["-e".to_owned(), "inject=write:error=EIO:when=1".to_owned()];
        journals.for_each(|file| options.extend(["-P".to_owned(), file.to_str().unwrap().to_owned()]));
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let threads = threads(process.id(), &["rounds", "index"]);
        let Some(strace) = Strace::attach(copy.folder.path(), &threads, &options) else { return };
        assert_eq!(submit(&process, World::BASE, &seen).status, 200);
        indexed(&process);
        assert!(strace.detach().contains("INJECTED"), "nothing is written to {database}");
        assert_eq!(submit(&process, World::BASE + 1, &seen).status, 200);
        indexed(&process);
        process.terminate();
        copy.survives(&seen);
    }
}

/// The disk fills up under the log, at a place that differs from time to time; then there is room again, and nobody starts it anew.
#[test]
fn a_full_disk_is_waited_for() {
    let world = World::new();
    let copy = world.copy();
    let Some(_disk) = SmallDisk::mount(&copy.folder.path().join("disk"), "64m") else { return };
    let (log, ballast) = (copy.folder.path().join("disk/log"), copy.folder.path().join("disk/ballast"));
    assert!(Command::new("cp").arg("-a").arg(copy.log()).arg(&log).status().unwrap().success());
    let process = Process::start(&log, "info", &copy.messages());
    let (seen, mut next, mut refused) = (Seen::default(), World::BASE, 0);
    for round in 0..4u64 {
        fill(&ballast);
        // A little room: it is used up in the middle of something else each time.
        let length = std::fs::metadata(&ballast).unwrap().len();
        let ballast_file = std::fs::OpenOptions::new().write(true).open(&ballast).unwrap();
        ballast_file.set_len(length.saturating_sub(4096 * (round * 11 + 1))).unwrap();
        drop(ballast_file);
        let before = refused;
        for _ in 0..100 {
            next += 1;
            let response = submit(&process, next, &seen);
            if response.status != 200 {
                assert_eq!(response.status, 503, "{}", response.text());
                refused += 1;
                break;
            }
        }
        assert!(refused > before, "the disk is not full");
        assert_eq!(get(process.address, "/healthz").status, 503);
        assert_eq!(get(process.address, "/ct/v1/get-entries?start=1&end=1").status, 200);
        std::fs::remove_file(&ballast).unwrap();
        wait_for("the log does not go on", || submit(&process, next, &seen).status == 200);
        wait_for("the log stays ill", || get(process.address, "/healthz").status == 200);
        indexed(&process);
    }
    println!("{refused} refusals, {} answers", seen.answered.lock().unwrap().len());
    process.terminate();
    std::fs::remove_dir_all(copy.log()).unwrap();
    assert!(Command::new("cp").arg("-a").arg(&log).arg(copy.folder.path()).status().unwrap().success());
    copy.survives(&seen);
}

#[test]
fn on_a_read_only_disk_it_does_not_start_and_changes_nothing() {
    let world = World::new();
    let copy = world.copy();
    let Some(disk) = SmallDisk::mount(&copy.folder.path().join("disk"), "64m") else { return };
    let log = copy.folder.path().join("disk/log");
    assert!(Command::new("cp").arg("-a").arg(copy.log()).arg(&log).status().unwrap().success());
    disk.remount("ro");
    let refused = Process::try_start(&mut Process::command(&log), &copy.messages()).err().expect("it starts");
    assert!(refused.contains("Read-only file system"), "{refused}");
    let audited = audit(&log);
    assert!(audited.status.success(), "{}", said(&audited));
    disk.remount("rw");
    Process::start(&log, "info", &copy.messages()).terminate();
}

/// The disk turns read-only under the log, as one does that has errors, and is mounted again. Everything that writes fails.
#[test]
fn a_disk_that_turns_read_only_is_waited_for() {
    let world = World::new();
    let copy = world.copy();
    let process = copy.start();
    let seen = Seen::default();
    // Without `write`, by which threads also wake each other.
    let calls = "pwrite64,rename,mkdir,unlink,rmdir,fsync,fdatasync";
    let inject = format!("inject={calls}:error=EROFS");
    let threads = threads(process.id(), &WRITERS);
    let options = ["-e", &format!("trace={calls}"), "-e", &inject];
    let Some(strace) = Strace::attach(copy.folder.path(), &threads, &options) else { return };
    assert_eq!(submit(&process, World::BASE, &seen).status, 503);
    assert_eq!(get(process.address, "/healthz").status, 503);
    assert_eq!(get(process.address, "/ct/v1/get-entries?start=1&end=1").status, 200);
    assert!(strace.detach().contains("EROFS"));
    wait_for("the log does not go on", || submit(&process, World::BASE, &seen).status == 200);
    indexed(&process);
    process.terminate();
    copy.survives(&seen);
}

/// 250 ms for each sync: an answer takes three, reads take none, and many submissions share them.
#[test]
fn a_slow_disk_delays_answers_and_nothing_else() {
    let world = World::new();
    let copy = world.copy();
    let process = copy.start();
    let (seen, threads) = (Seen::default(), threads(process.id(), &WRITERS));
    let options = ["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:delay_enter=250000"];
    let Some(strace) = Strace::attach(copy.folder.path(), &threads, &options) else { return };
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for n in World::BASE..World::BASE + 40 {
            let (process, seen) = (&process, &seen);
            scope.spawn(move || assert_eq!(submit(process, n, seen).status, 200));
        }
        std::thread::sleep(Duration::from_millis(300));
        let asked = Instant::now();
        assert_eq!(get(process.address, "/ct/v1/get-entries?start=1&end=1").status, 200);
        assert_eq!(get(process.address, "/healthz").status, 200);
        assert!(asked.elapsed() < Duration::from_millis(500), "reads wait {:?}", asked.elapsed());
    });
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(750) && took < Duration::from_secs(8), "40 answers took {took:?}");
    assert_eq!(get(process.address, "/healthz").status, 200);
    assert!(strace.detach().contains("DELAYED"));
    indexed(&process);
    process.terminate();
    copy.survives(&seen);
}
