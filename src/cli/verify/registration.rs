//! Whether a peer is registered at a service, as `tnlog verify` asks it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tnlog::number::Number;
use tnlog::receipt::{Claim, Verified, Verifier};
use tnlog::registration::ResolutionServices;
use tnlog::registration_receipt::{
    Reachable, RegistrationReceipt, UntrustedRegistration, VerifiedRegistration,
};

use crate::output::{self, Report};
use crate::{input, services};

#[derive(clap::Args)]
pub struct Registration {
    /// The receipt of a registration of the number (.tlog-proof)
    #[arg(long, value_name = "FILE", requires_all = ["service", "rs", "number"])]
    registration: Option<PathBuf>,
    /// The service at which the peer is to be registered
    #[arg(long, value_name = "NAME", requires = "registration")]
    service: Option<String>,
    /// A Resolution Service that is trusted, with its public key in PEM
    #[arg(long, value_name = "NAME=FILE", requires = "registration")]
    rs: Vec<String>,
}

/// What is asked.
pub struct Asked {
    receipt: RegistrationReceipt,
    number: Number,
    service: String,
    services: ResolutionServices,
}

impl Registration {
    /// Reads the files; none when no registration is asked about.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read(self, claim: &Claim) -> anyhow::Result<Option<Asked>> {
        let (Some(path), Some(service), Claim::Number(number)) = (self.registration, self.service, claim)
        else {
            return Ok(None);
        };
        let receipt = RegistrationReceipt::parse(&input::read(&path)?);
        let receipt = receipt.with_context(|| path.display().to_string())?;
        let mut services = ResolutionServices::default();
        for text in &self.rs {
            let Some((name, file)) = text.rsplit_once('=') else {
                bail!("--rs takes the name of a Resolution Service and its key: rs.example.com=rs.pem");
            };
            services.add(name, &services::key(name, Path::new(file))?.spki)?;
        }
        Ok(Some(Asked { receipt, number: *number, service, services }))
    }
}

impl Asked {
    /// Whether the peer is registered.
    ///
    /// # Errors
    /// [`UntrustedRegistration`].
    pub fn verify(
        &self,
        verifier: &Verifier,
        peer: &Verified,
        now: i64,
    ) -> Result<VerifiedRegistration, UntrustedRegistration> {
        let Asked { receipt, number, service, services } = self;
        verifier.verify_registration(peer, receipt, &Reachable { number, service, services, now })
    }
}

/// Adds what is known of the registration.
pub fn describe(report: Report, registered: &VerifiedRegistration) -> Report {
    let statement = &registered.statement;
    report
        .field("contact", statement.contact.as_str())
        .field("resolution_service", statement.resolution_service.as_str())
        .field("registration_index", registered.index)
        .field("registered", output::time_of_millis(registered.timestamp))
        .field("registered_until", output::time(statement.not_after))
}

/// A stable name, for programs.
pub fn reason(error: &UntrustedRegistration) -> &'static str {
    match error {
        UntrustedRegistration::Receipt(error) => super::reason(error),
        UntrustedRegistration::Statement(refusal) => refusal.slug(),
        UntrustedRegistration::OtherCredential => "other-credential",
        UntrustedRegistration::OtherNumber => "other-number",
        UntrustedRegistration::OtherService => "other-service",
        UntrustedRegistration::Withdrawal => "withdrawal",
        UntrustedRegistration::NotYetValid => "not-yet-valid",
        UntrustedRegistration::Ended => "registration-ended",
    }
}
