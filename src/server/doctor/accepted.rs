//! Whose certificates and registrations are taken.

use super::Findings;
use crate::server::config::Folder;
use crate::server::{roots as root_files, services as service_files};

const DAY: i64 = 86_400;
/// The time in which an operator can get a new root.
const SOON: i64 = 60 * DAY;

/// The accepted roots at `now`, in seconds of Unix time. What chains to one that has ended is still taken, and no app trusts it.
pub fn roots(folder: &Folder, now: u64, findings: &mut Findings) {
    const CHECK: &str = "roots";
    let roots = match root_files::read(&folder.roots()) {
        Ok(roots) => roots,
        Err(error) => {
            findings.wrong(
                CHECK,
                error.to_string(),
                "mend or delete the file; the log goes on with what it read before",
            );
            return;
        }
    };
    if roots.is_empty() {
        findings.warning(CHECK, "no root is accepted, so the log takes nothing", "tnlog roots add ROOT.pem");
        return;
    }
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let ends = roots.iter().map(|(path, anchor)| (path, anchor.certificate.not_after().saturating_sub(now)));
    let ending: Vec<_> = ends.filter(|(_, left)| *left < SOON).collect();
    for (path, left) in &ending {
        let what = match left / DAY {
            days if *left > 0 => format!("the root in {} ends in {days} days", path.display()),
            _ => format!("the root in {} has ended", path.display()),
        };
        findings.warning(
            CHECK,
            what,
            "add its successor with `tnlog roots add`; delete the file when nothing of it is to come",
        );
    }
    if ending.is_empty() {
        findings.ok(CHECK, format!("{} accepted, and none ends soon", roots.len()));
    }
}

/// The accepted Resolution Services.
pub fn services(folder: &Folder, findings: &mut Findings) {
    const CHECK: &str = "services";
    match service_files::read(&folder.services()) {
        Ok(keys) => findings.ok(CHECK, format!("{} keys of Resolution Services are accepted", keys.len())),
        Err(error) => {
            findings.wrong(
                CHECK,
                error.to_string(),
                "mend or delete the file; the log goes on with what it read before",
            );
        }
    }
}
