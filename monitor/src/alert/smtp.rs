//! Handing a message to a mail server: SMTP (RFC 5321), under TLS from the first byte or after STARTTLS (RFC 3207), with AUTH PLAIN
//! or LOGIN (RFC 4954).
//!
//! Of what the server says nothing is shown but its codes: its words may repeat addresses. A reply is bounded, and the whole
//! conversation takes a minute at most. What was said before TLS is forgotten, and more than was asked for is refused: who sits
//! between must not answer in the server's place.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

use crate::config::Tls;

/// How long a conversation may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest line of a reply, in bytes; 512 are allowed (RFC 5321 §4.5.3.1.5).
const MAX_LINE: u64 = 2048;
/// The most lines of a reply.
const MAX_LINES: usize = 128;

/// Why a mail server did not take a message.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// No connection, or it broke, or TLS failed.
    #[error("the mail server could not be reached: {0}")]
    Io(#[from] io::Error),
    /// The server's name cannot be in a certificate, or TLS cannot be set up here.
    #[error("TLS cannot be spoken with the mail server: {0}")]
    Tls(String),
    /// It took too long.
    #[error("the mail server took longer than a minute")]
    TooLong,
    /// It does not speak SMTP, or says more than it was asked.
    #[error("the mail server does not answer as SMTP has it")]
    Malformed,
    /// It has no STARTTLS, or somebody on the way has taken it out.
    #[error(
        "the mail server offers no STARTTLS; set tls = \"implicit\" if it speaks TLS from the first byte, or tls = \"none\""
    )]
    NoStarttls,
    /// It takes no user and password, or no kind of them that is known here.
    #[error("the mail server offers neither AUTH PLAIN nor AUTH LOGIN, which the login_file is for")]
    NoLogin,
    /// It refused.
    #[error("the mail server refused {command} with {code}")]
    Refused {
        /// What it was told, or that it was connected to.
        command: &'static str,
        /// Its answer: 400 to 499 for now, 500 to 599 for good.
        code: u16,
    },
}

/// A mail server.
pub struct Server {
    /// Its name, or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Who is speaking to it.
    pub login: Option<Login>,
    /// The roots that are trusted in place of the machine's.
    pub roots: Vec<CertificateDer<'static>>,
}

/// A user and a password.
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Zeroizing<String>,
}

/// A message with its envelope. Addresses are ASCII without spaces and angle brackets.
pub struct Mail<'a> {
    /// The sender.
    pub from: &'a str,
    /// The recipients.
    pub to: &'a [String],
    /// Headers and body, each line ended by CRLF.
    pub text: &'a str,
}

impl Server {
    /// Hands over a message. It is taken when the server takes it for one recipient at least.
    ///
    /// # Errors
    /// [`SmtpError`].
    pub async fn send(&self, mail: &Mail<'_>) -> Result<(), SmtpError> {
        tokio::time::timeout(PATIENCE, self.converse(mail)).await.map_err(|_| SmtpError::TooLong)?
    }

    async fn converse(&self, mail: &Mail<'_>) -> Result<(), SmtpError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let here = literal(stream.local_addr()?);
        match self.tls {
            Tls::None => self.submit(Dialog::begin(stream).await?, &here, mail).await,
            Tls::Implicit => self.submit(Dialog::begin(self.secure(stream).await?).await?, &here, mail).await,
            Tls::Starttls => {
                let mut open = Dialog::begin(stream).await?;
                let offers = open.ask("EHLO", &format!("EHLO {here}"), 2).await?;
                if !offers.iter().any(|offer| offer.eq_ignore_ascii_case("STARTTLS")) {
                    return Err(SmtpError::NoStarttls);
                }
                open.ask("STARTTLS", "STARTTLS", 2).await?;
                let stream = self.secure(open.into_stream()?).await?;
                self.submit(Dialog { stream: BufReader::new(stream) }, &here, mail).await
            }
        }
    }

    async fn submit<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut dialog: Dialog<S>,
        here: &str,
        mail: &Mail<'_>,
    ) -> Result<(), SmtpError> {
        let offers = dialog.ask("EHLO", &format!("EHLO {here}"), 2).await?;
        if let Some(login) = &self.login {
            dialog.log_in(login, &offers).await?;
        }
        dialog.ask("MAIL FROM", &format!("MAIL FROM:<{}>", mail.from), 2).await?;
        let mut refused = None;
        let mut taken = false;
        for (place, to) in (1..).zip(mail.to) {
            match dialog.ask("RCPT TO", &format!("RCPT TO:<{to}>"), 2).await {
                Ok(_) => taken = true,
                Err(error @ SmtpError::Refused { code, .. }) => {
                    tracing::warn!(recipient = place, code, "the mail server refused a recipient");
                    refused = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        if let (Some(error), false) = (refused, taken) {
            return Err(error);
        }
        dialog.ask("DATA", "DATA", 3).await?;
        dialog.ask("the message", &(stuffed(mail.text) + "."), 2).await?;
        // It is taken; whether it hears a good-bye does not matter.
        let _ = dialog.say("QUIT").await;
        Ok(())
    }

    async fn secure(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, SmtpError> {
        let name =
            ServerName::try_from(self.host.clone()).map_err(|error| SmtpError::Tls(error.to_string()))?;
        let own = self.roots.clone();
        let roots = tokio::task::spawn_blocking(move || roots(own)).await.map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| SmtpError::Tls(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
    }
}

/// These, or those of the machine, as they are now: a monitor runs longer than a root lives.
fn roots(own: Vec<CertificateDer<'static>>) -> RootCertStore {
    let mut store = RootCertStore::empty();
    let all = if own.is_empty() { rustls_native_certs::load_native_certs().certs } else { own };
    store.add_parsable_certificates(all);
    store
}

/// An address literal (RFC 5321 §4.1.3): a monitor need not have a name.
fn literal(here: SocketAddr) -> String {
    match here {
        SocketAddr::V4(address) => format!("[{}]", address.ip()),
        SocketAddr::V6(address) => format!("[IPv6:{}]", address.ip()),
    }
}

/// A line that begins with a full stop gets another one (RFC 5321 §4.5.2).
fn stuffed(text: &str) -> String {
    let stuffed = text.replace("\r\n.", "\r\n..");
    if stuffed.starts_with('.') { format!(".{stuffed}") } else { stuffed }
}

struct Dialog<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Dialog<S> {
    /// Waits for the greeting.
    async fn begin(stream: S) -> Result<Self, SmtpError> {
        let mut dialog = Dialog { stream: BufReader::new(stream) };
        dialog.answer("the connection", 2).await?;
        Ok(dialog)
    }

    /// What is below, when nothing has come that was not asked for: it would be taken for what comes under TLS.
    fn into_stream(self) -> Result<S, SmtpError> {
        if self.stream.buffer().is_empty() { Ok(self.stream.into_inner()) } else { Err(SmtpError::Malformed) }
    }

    async fn say(&mut self, line: &str) -> io::Result<()> {
        let line = Zeroizing::new(format!("{line}\r\n"));
        self.stream.write_all(line.as_bytes()).await?;
        self.stream.flush().await
    }

    /// Says a line, and gives the lines of the answer without their code, which must begin with the digit `class`.
    async fn ask(&mut self, command: &'static str, line: &str, class: u16) -> Result<Vec<String>, SmtpError> {
        self.say(line).await?;
        self.answer(command, class).await
    }

    async fn answer(&mut self, command: &'static str, class: u16) -> Result<Vec<String>, SmtpError> {
        let (mut code, mut lines) = (None, Vec::new());
        while lines.len() < MAX_LINES {
            let (this, text, is_last) = parse(&self.line().await?).ok_or(SmtpError::Malformed)?;
            if *code.get_or_insert(this) != this {
                return Err(SmtpError::Malformed);
            }
            lines.push(text);
            if is_last {
                let is_good = this / 100 == class;
                return if is_good { Ok(lines) } else { Err(SmtpError::Refused { command, code: this }) };
            }
        }
        Err(SmtpError::Malformed)
    }

    async fn line(&mut self) -> Result<Vec<u8>, SmtpError> {
        let mut line = Vec::new();
        (&mut self.stream).take(MAX_LINE).read_until(b'\n', &mut line).await?;
        match line.last() {
            Some(b'\n') => Ok(line),
            None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Some(_) => Err(SmtpError::Malformed),
        }
    }

    /// PLAIN (RFC 4616) where there is a choice.
    async fn log_in(&mut self, login: &Login, offers: &[String]) -> Result<(), SmtpError> {
        let Login { user, password } = login;
        let offers = |wanted: &str| {
            offers.iter().any(|offer| {
                let mut words = offer.split_ascii_whitespace();
                words.next().is_some_and(|word| word.eq_ignore_ascii_case("AUTH"))
                    && words.any(|word| word.eq_ignore_ascii_case(wanted))
            })
        };
        let base64 = |text: &str| Zeroizing::new(Base64::encode_string(text.as_bytes()));
        if offers("PLAIN") {
            let both = Zeroizing::new(format!("\0{user}\0{}", &**password));
            let line = Zeroizing::new(format!("AUTH PLAIN {}", &*base64(&both)));
            self.ask("the login", &line, 2).await?;
        } else if offers("LOGIN") {
            self.ask("AUTH LOGIN", "AUTH LOGIN", 3).await?;
            self.ask("the user", &base64(user), 3).await?;
            self.ask("the login", &base64(password), 2).await?;
        } else {
            return Err(SmtpError::NoLogin);
        }
        Ok(())
    }
}

/// Code, text, and whether it is the last line of its reply (RFC 5321 §4.2).
fn parse(line: &[u8]) -> Option<(u16, String, bool)> {
    let (digits, rest) = line.split_first_chunk::<3>()?;
    let code = core::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit))?;
    let rest = rest.trim_ascii_end();
    let is_last = match rest.first() {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    let text = String::from_utf8_lossy(rest.get(1..).unwrap_or_default()).into_owned();
    Some((code.parse().ok().filter(|code| (200..600).contains(code))?, text, is_last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_reply() {
        assert_eq!(parse(b"250-SIZE 1000\r\n"), Some((250, "SIZE 1000".into(), false)));
        assert_eq!(parse(b"250 ok\n"), Some((250, "ok".into(), true)));
        assert_eq!(parse(b"354\r\n"), Some((354, String::new(), true)));
        for bad in
            [&b"25 ok\r\n"[..], b"+250 ok\r\n", b"250_ok\r\n", b"100 ok\r\n", b"600 ok\r\n", b"\r\n", b""]
        {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    /// Fails without the second half of `stuffed`: the message would end where its text says.
    #[test]
    fn no_text_ends_its_message() {
        assert_eq!(stuffed(".\r\n.\r\na.\r\n"), "..\r\n..\r\na.\r\n");
    }
}
