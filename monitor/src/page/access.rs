//! Who may see the page, and who may change something.
//!
//! On a loopback address without a token everybody on this machine may, if the request names this machine: a page elsewhere whose name
//! was made to point here names itself. With a token, who shows it: as `Authorization: Bearer`, or as the cookie that the login gives
//! for it. What a form sends must come from a form of this page.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST};
use axum::http::uri::Authority;
use hmac::{Hmac, Mac};
use rand_core::{OsRng, RngCore};
use sha2::Sha256;
use tnlog::client::whole_file;
use zeroize::Zeroizing;

const COOKIE_NAME: &str = "tnlog-monitor";
/// How long a login lasts, in milliseconds.
const SESSION: u64 = 12 * 3_600_000;
/// Shorter tokens can be guessed.
const LEAST: usize = 16;
const MOST: u64 = 4096;

/// Why the page cannot be opened to anybody.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read or made.
    #[error("the file with the page's token, {0}, cannot be read or made: {1}")]
    File(String, io::Error),
    /// Others can read it.
    #[error("others can read the file with the page's token: chmod 600 {0}")]
    Mode(String),
    /// It can be guessed.
    #[error("the page's token in {0} has fewer than 16 characters; delete the file, and a good one is made")]
    Short(String),
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It names another machine.
    Host,
    /// It shows no token.
    Token,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// What the cookie says; empty on loopback.
    session: String,
    /// It was shown the token itself: no form of another page does that.
    has_token: bool,
}

impl Visitor {
    /// Whether it can log out.
    pub fn has_session(&self) -> bool {
        !self.session.is_empty()
    }
}

/// The rules of one page.
pub struct Access {
    /// None: everybody on this machine.
    token: Option<Zeroizing<Vec<u8>>>,
    /// Of this process: signs forms.
    key: Zeroizing<[u8; 32]>,
}

impl Access {
    /// For a page at this address. The token is made where it must be one and there is none.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn new(address: SocketAddr, file: Option<&Path>, default: &Path) -> Result<Self, TokenError> {
        let file = file.or(Some(default).filter(|_| !address.ip().is_loopback()));
        let token = file.map(read_or_make).transpose()?;
        let mut key = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(&mut key[..]);
        Ok(Access { token, key })
    }

    /// Who it is.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn visitor(&self, headers: &HeaderMap, now: u64) -> Result<Visitor, Denied> {
        let Some(token) = &self.token else {
            let host = headers.get(HOST).and_then(|host| host.to_str().ok());
            let visitor = Visitor { session: String::new(), has_token: false };
            return host.filter(|host| names_this_machine(host)).map(|_| visitor).ok_or(Denied::Host);
        };
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        if bearer.is_some_and(|shown| self.is_token(shown)) {
            return Ok(Visitor { session: String::new(), has_token: true });
        }
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split("; ")).filter_map(|pair| pair.split_once('='));
        let session = pairs.find(|(name, value)| *name == COOKIE_NAME && is_session(token, value, now));
        let (_, session) = session.ok_or(Denied::Token)?;
        Ok(Visitor { session: session.to_owned(), has_token: false })
    }

    /// Whether there is a token to show.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether that is the token. Takes as long whatever is shown.
    pub fn is_token(&self, shown: &[u8]) -> bool {
        let Some(token) = &self.token else { return false };
        let tag = mac(&self.key[..], &[b"token", token]).finalize().into_bytes();
        mac(&self.key[..], &[b"token", shown]).verify(&tag).is_ok()
    }

    /// The `Set-Cookie` of who has shown it.
    pub fn log_in(&self, now: u64, is_secure: bool) -> Option<String> {
        let expires = now.saturating_add(SESSION);
        let tag = mac(self.token.as_ref()?, &[b"session", &expires.to_be_bytes()]).finalize().into_bytes();
        let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(cookie(&format!("{expires}.{hex}"), SESSION / 1000, is_secure))
    }

    /// That of who leaves.
    pub fn log_out(is_secure: bool) -> String {
        cookie("", 0, is_secure)
    }

    /// What a form of this page must send.
    pub fn form(&self, visitor: &Visitor) -> String {
        let tag = mac(&self.key[..], &[b"form", visitor.session.as_bytes()]).finalize().into_bytes();
        tag[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether what was sent came from a form of this page.
    pub fn is_from_form(&self, visitor: &Visitor, headers: &HeaderMap, form: &str) -> bool {
        let elsewhere = headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin");
        let mac = mac(&self.key[..], &[b"form", visitor.session.as_bytes()]);
        let sent = mac.verify_truncated_left(&from_hex(form)).is_ok() && form.len() == 32;
        visitor.has_token || (sent && !elsewhere)
    }
}

fn read_or_make(path: &Path) -> Result<Zeroizing<Vec<u8>>, TokenError> {
    let shown = path.display().to_string();
    let file = |error| TokenError::File(shown.clone(), error);
    if !path.exists() {
        let mut random = Zeroizing::new([0; 24]);
        OsRng.fill_bytes(&mut random[..]);
        let token: Zeroizing<String> = Zeroizing::new(random.iter().map(|b| format!("{b:02x}")).collect());
        whole_file::create(path, format!("{}\n", *token).as_bytes(), whole_file::PRIVATE).map_err(file)?;
        tracing::info!("the page asks for the token in {shown}");
    }
    if fs::metadata(path).map_err(file)?.mode() & 0o077 != 0 {
        return Err(TokenError::Mode(shown));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path).and_then(|opened| opened.take(MOST).read_to_end(&mut bytes)).map_err(file)?;
    let token = Zeroizing::new(bytes.trim_ascii().to_vec());
    if token.len() < LEAST { Err(TokenError::Short(shown)) } else { Ok(token) }
}

/// `localhost`, or an address of loopback, with any port.
fn names_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_session(token: &[u8], value: &str, now: u64) -> bool {
    let Some((expires, tag)) = value.split_once('.') else { return false };
    let Ok(expires) = expires.parse::<u64>() else { return false };
    expires > now && mac(token, &[b"session", &expires.to_be_bytes()]).verify_slice(&from_hex(tag)).is_ok()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(key).expect("a key of any length will do");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

/// What is no hexadecimal is nothing.
fn from_hex(text: &str) -> Vec<u8> {
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect::<Option<_>>().unwrap_or_default()
}

fn cookie(value: &str, seconds: u64, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{COOKIE_NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn access(address: &str) -> Access {
        let folder = tempfile::tempdir().unwrap();
        Access::new(address.parse().unwrap(), None, &folder.path().join("page.token")).unwrap()
    }

    /// A name that was made to point to this machine. Fails without `names_this_machine`.
    #[test]
    fn on_loopback_the_request_must_name_this_machine() {
        let access = access("127.0.0.1:0");
        let asks = |host: &str| access.visitor(&headers(&[(HOST, host)]), 0).is_ok();
        for host in ["localhost:8096", "127.0.0.1", "127.9.9.9:1", "[::1]:8096", "LOCALHOST"] {
            assert!(asks(host), "{host}");
        }
        for host in
            ["evil.example:8096", "10.0.0.1", "127.0.0.1.evil.example", "localhost.evil.example", "[::2]", ""]
        {
            assert!(!asks(host), "{host}");
        }
        assert_eq!(access.visitor(&HeaderMap::new(), 0), Err(Denied::Host));
        assert!(!access.is_token(b""));
    }

    #[test]
    fn elsewhere_only_who_shows_the_token_is_answered_and_for_so_long() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.token");
        let access = Access::new("10.0.0.1:1".parse().unwrap(), None, &file).unwrap();
        let token = fs::read_to_string(&file).unwrap().trim().to_owned();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(access.visitor(&headers(&[(HOST, "127.0.0.1")]), 0), Err(Denied::Token));
        let bearer = |token: &str| headers(&[(AUTHORIZATION, &format!("Bearer {token}"))]);
        assert!(access.visitor(&bearer(&token), 0).is_ok());
        assert_eq!(access.visitor(&bearer(&token[1..]), 0), Err(Denied::Token));
        let set = access.log_in(1000, true).unwrap();
        assert!(set.ends_with("; HttpOnly; SameSite=Strict; Secure"));
        let cookie = headers(&[(COOKIE, &format!("a=b; {}", set.split_once(';').unwrap().0))]);
        assert!(access.visitor(&cookie, 999 + SESSION).is_ok());
        assert_eq!(access.visitor(&cookie, 1000 + SESSION), Err(Denied::Token));
        // Another token ends every session.
        fs::write(&file, "another token of somebody").unwrap();
        let other = Access::new("10.0.0.1:1".parse().unwrap(), None, &file).unwrap();
        assert_eq!(other.visitor(&cookie, 1000), Err(Denied::Token));
    }

    /// Fails without the form's own token, and without the look at where it came from.
    #[test]
    fn a_form_of_another_page_changes_nothing() {
        let (access, other) = (access("127.0.0.1:0"), access("127.0.0.1:0"));
        let visitor = access.visitor(&headers(&[(HOST, "localhost")]), 0).unwrap();
        let form = access.form(&visitor);
        assert!(access.is_from_form(&visitor, &HeaderMap::new(), &form));
        for sent in ["", "00", &form[2..], &other.form(&visitor), &format!("{form}00")] {
            assert!(!access.is_from_form(&visitor, &HeaderMap::new(), sent), "{sent}");
        }
        let from = |site| headers(&[(HeaderName::from_static("sec-fetch-site"), site)]);
        assert!(access.is_from_form(&visitor, &from("same-origin"), &form));
        assert!(!access.is_from_form(&visitor, &from("same-site"), &form));
    }

    #[test]
    fn a_token_that_others_can_read_or_guess_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let open = || Access::new("127.0.0.1:0".parse().unwrap(), Some(&file), &file);
        fs::write(&file, "a long token of somebody").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(open(), Err(TokenError::Mode(_))));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(open().unwrap().has_token());
        fs::write(&file, "short\n").unwrap();
        assert!(matches!(open(), Err(TokenError::Short(_))));
    }
}
