//! How an alert goes by e-mail.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// The most recipients of an alert.
const MAX_RECIPIENTS: usize = 100;
/// The longest address, in bytes (RFC 5321 §4.5.3.1.3).
const MAX_ADDRESS: usize = 254;

/// A mail server, and whom it is asked to tell.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// `host:port` of the mail server that takes messages.
    pub server: String,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: Tls,
    /// The sender.
    pub from: String,
    /// The recipients.
    pub to: Vec<String>,
    /// A file with two lines, the user and the password.
    #[serde(default)]
    pub login_file: Option<PathBuf>,
    /// A PEM file of the CA certificates that are trusted in place of the machine's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// TLS after the command STARTTLS, which is insisted on.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// Not at all: everybody on the way can read it.
    None,
}

impl Email {
    /// The host, without the brackets of an IPv6 address, and the port.
    pub fn host_and_port(&self) -> Option<(&str, u16)> {
        let (host, port) = self.server.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-.:_".contains(&b);
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (!host.is_empty() && host.bytes().all(is_plain)).then_some((host, port))
    }

    /// Whether all of it can be used. A password goes over no network in the clear.
    pub(super) fn is_usable(&self) -> bool {
        let Some((host, _)) = self.host_and_port() else { return false };
        let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let is_protected = self.tls != Tls::None || is_here;
        is_address(&self.from)
            && (1..=MAX_RECIPIENTS).contains(&self.to.len())
            && self.to.iter().all(|to| is_address(to))
            && (is_protected || self.login_file.is_none())
    }
}

/// `local@domain` of visible ASCII, without what could end it where it is written.
fn is_address(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_graphic() && !b"<>()[]\\,;:\"".contains(&b);
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(is_plain) && !part.contains('@');
    text.len() <= MAX_ADDRESS
        && text.rsplit_once('@').is_some_and(|(local, domain)| is_part(local) && is_part(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(server: &str, tls: Tls) -> Email {
        Email {
            server: server.into(),
            tls,
            from: "a@example.com".into(),
            to: vec!["b@example.com".into()],
            login_file: None,
            ca_file: None,
        }
    }

    #[test]
    fn servers_are_a_host_and_a_port() {
        let parts = |server: &str| {
            let email = email(server, Tls::Starttls);
            email.host_and_port().map(|(host, port)| (host.to_owned(), port))
        };
        assert_eq!(parts("mail.example.com:587"), Some(("mail.example.com".into(), 587)));
        assert_eq!(parts("[::1]:25"), Some(("::1".into(), 25)));
        for bad in ["mail.example.com", ":25", "a b:25", "a:0", "a:65536", "a/b:25", "a\r\n:25"] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }

    /// Fails when `is_address` lets through what ends a command or a header.
    #[test]
    fn addresses_cannot_say_more_than_an_address() {
        assert!(is_address("first.last+tag@mail.example.com"));
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b>", "a@b\r\nRCPT", "a@b,c@d", "ä@b", "\"a\"@b"]
        {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn a_password_goes_in_the_clear_to_this_machine_alone() {
        let with_login = |server, tls| Email { login_file: Some("login".into()), ..email(server, tls) };
        assert!(with_login("mail.example.com:587", Tls::Starttls).is_usable());
        assert!(with_login("127.0.0.1:25", Tls::None).is_usable());
        assert!(with_login("[::1]:25", Tls::None).is_usable());
        assert!(!with_login("mail.example.com:25", Tls::None).is_usable());
        assert!(email("mail.example.com:25", Tls::None).is_usable());
    }
}
