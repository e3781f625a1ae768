//! E-mail: a message in plain text for each version of a finding. The versions of one finding are one thread, and the same version
//! has the same Message-ID whenever it is sent.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::smtp::{Login, Mail, Server, SmtpError};
use crate::config;
use crate::folder::Folder;
use crate::notice::Notice;

/// Characters of a subject.
const MAX_SUBJECT: usize = 140;
/// Bytes of text in an encoded word, of 75 characters at most (RFC 2047 §2).
const ENCODED_WORD: usize = 42;
/// Characters in a line of base64 (RFC 2045 §6.8).
const BASE64_LINE: usize = 76;

/// A mail server, and who is told by it.
pub struct Email {
    server: Server,
    from: String,
    to: Vec<String>,
}

impl Email {
    /// The files are relative to the folder of the monitor.
    pub fn open(folder: &Folder, config: &config::Email) -> io::Result<Self> {
        let (host, port) = config.host_and_port().expect("the configuration was checked");
        let server = Server {
            host: host.to_owned(),
            port,
            tls: config.tls,
            login: config.login_file.as_ref().map(|file| login(&folder.named(file))).transpose()?,
            roots: config.ca_file.as_ref().map_or(Ok(Vec::new()), |file| roots(&folder.named(file)))?,
        };
        Ok(Email { server, from: config.from.clone(), to: config.to.clone() })
    }

    /// Hands a message about a finding to the mail server. `number` is what is shown of the number.
    pub async fn send(&self, notice: &Notice, number: Option<&str>) -> Result<(), SmtpError> {
        let now = SystemTime::now();
        let text = self.headers(notice, now) + "\r\n" + &base64_lines(&body(notice, number));
        self.server.send(&Mail { from: &self.from, to: &self.to, text: &text }).await
    }

    fn headers(&self, notice: &Notice, now: SystemTime) -> String {
        let domain = self.from.rsplit_once('@').map_or("", |(_, domain)| domain);
        let Notice { id, version, .. } = notice;
        let date = httpdate::fmt_http_date(now).replace("GMT", "+0000");
        [
            format!("Date: {date}"),
            format!("From: {}", self.from),
            format!("To: {}", self.to.join(",\r\n ")),
            format!("Subject: {}", encoded(&subject(notice))),
            format!("Message-ID: <{id}.{version}@{domain}>"),
            format!("In-Reply-To: <{id}@{domain}>"),
            format!("References: <{id}@{domain}>"),
            format!("X-Tnlog-Finding: {id}"),
            "Auto-Submitted: auto-generated".to_owned(),
            "MIME-Version: 1.0".to_owned(),
            "Content-Type: text/plain; charset=utf-8".to_owned(),
            "Content-Transfer-Encoding: base64".to_owned(),
        ]
        .map(|header| header + "\r\n")
        .concat()
    }
}

/// Two lines, in a file that is its owner's alone.
fn login(path: &Path) -> io::Result<Login> {
    let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{} {why}", path.display()));
    let at = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    if std::fs::metadata(path).map_err(at)?.mode() & 0o077 != 0 {
        return Err(wrong("can be read by others; give it the mode 0600"));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(at)?);
    let mut lines = text.lines();
    match (lines.next(), lines.next(), lines.next()) {
        (Some(user), Some(password), None) if !user.is_empty() && !password.is_empty() => {
            Ok(Login { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) })
        }
        _ => Err(wrong("must have two lines, the user and the password")),
    }
}

fn roots(path: &Path) -> io::Result<Vec<rustls::pki_types::CertificateDer<'static>>> {
    let wrong =
        |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()));
    let found = tnlog::pem::decode(std::fs::read(path).map_err(|error| wrong(error.to_string()))?);
    let found = found.map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        return Err(wrong("there is no certificate in it; PEM is read".into()));
    }
    Ok(found.into_iter().map(Into::into).collect())
}

/// Severity and what, as far as a line goes.
fn subject(notice: &Notice) -> String {
    let severity = if notice.cleared { "cleared" } else { &notice.severity };
    let text = format!("[tnlog {severity}] {}", notice.what);
    let mut text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if let Some((end, _)) = text.char_indices().nth(MAX_SUBJECT) {
        let end = text[..end].rfind(' ').unwrap_or(end);
        text.truncate(end);
        text.push('…');
    }
    text
}

fn body(notice: &Notice, number: Option<&str>) -> String {
    let mut text = String::new();
    if notice.cleared {
        text += "This is over: what came later explains it, or it was put right. What was said:\r\n\r\n";
    }
    text += &format!(
        "{}\r\n\r\nIt matters to {}.\r\nNow: {}.\r\n\r\n",
        notice.what,
        notice.whom,
        notice.now.trim_end_matches('.')
    );
    let entries = notice.entries.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let seconds = Duration::from_millis(notice.time);
    let time = UNIX_EPOCH.checked_add(seconds).map(httpdate::fmt_http_date);
    let lines = [
        ("Severity", Some(notice.severity.clone())),
        ("Detector", Some(notice.detector.clone())),
        ("Watch", notice.watch.clone()),
        ("Number", number.map(str::to_owned)),
        ("Log", Some(notice.log.clone())),
        ("Entries", (!entries.is_empty()).then_some(entries)),
        ("Issuer key", notice.issuer.clone()),
        ("Time", time),
        ("Evidence", notice.evidence.as_ref().map(|path| format!("{path}, in the folder of the monitor"))),
        ("Finding", Some(format!("{}, version {}, which replaces those before", notice.id, notice.version))),
    ];
    for (name, value) in lines {
        text += &value.map_or(String::new(), |value| format!("{name}: {value}\r\n"));
    }
    text + &format!(
        "\r\nIf you know why it happened, acknowledge it where the monitor runs:\r\n\r\n    tnlog-monitor ack {} --reason \"...\"\r\n",
        notice.id
    )
}

/// Text for a header: as it is when it is ASCII, else in encoded words (RFC 2047), a line each.
fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for c in text.chars() {
        if words.last().is_none_or(|word| word.len() + c.len_utf8() > ENCODED_WORD) {
            words.push(String::new());
        }
        words.last_mut().expect("there is one").push(c);
    }
    let word = |word: &String| format!("=?utf-8?B?{}?=", Base64::encode_string(word.as_bytes()));
    words.iter().map(word).collect::<Vec<_>>().join("\r\n ")
}

fn base64_lines(text: &str) -> String {
    let base64 = Base64::encode_string(text.as_bytes());
    let lines = base64.as_bytes().chunks(BASE64_LINE);
    lines.map(|line| String::from_utf8_lossy(line).into_owned() + "\r\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(what: &str) -> Notice {
        Notice { what: what.into(), ..Notice::test() }
    }

    /// Fails when control characters are left in `subject`.
    #[test]
    fn a_subject_is_one_line_of_bounded_length() {
        let said = subject(&notice("a\r\nBcc: b@example.com\r\n\r\nc"));
        assert!(!said.contains(['\r', '\n']), "{said}");
        let long = subject(&notice(&"größer ".repeat(100)));
        assert!(long.chars().count() <= MAX_SUBJECT + 1 && long.ends_with("größer…"), "{long}");
        let header = encoded(&long);
        assert!(header.is_ascii() && header.split("\r\n ").all(|word| word.len() <= 75), "{header}");
        let words = header.split("\r\n ").map(|word| {
            let base64 = word.strip_prefix("=?utf-8?B?").unwrap().strip_suffix("?=").unwrap();
            String::from_utf8(Base64::decode_vec(base64).unwrap()).expect("whole characters")
        });
        assert_eq!(words.collect::<String>(), long);
    }

    #[test]
    fn a_login_is_two_lines_that_nobody_else_reads() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("login");
        let with = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            login(&path).map(|login| (login.user, login.password.to_string()))
        };
        assert_eq!(with("me\npass word\n", 0o600).unwrap(), ("me".into(), "pass word".into()));
        for (text, mode) in
            [("me\npass\n", 0o640), ("me\n", 0o600), ("me\npass\nmore\n", 0o600), ("\n\n", 0o600)]
        {
            let error = with(text, mode).unwrap_err().to_string();
            assert!(error.contains("login") && !error.contains("pass\n"), "{error}");
        }
    }
}
