//! How a log is named on the command line, and what is said when the name is nearly right.

use std::path::Path;

use anyhow::{Context, bail};
use tnlog::client::http::Client;
use tnlog::client::source::AnySource;

/// The client of a log.
///
/// # Errors
/// When the URL cannot be the base of a log; says what was probably meant.
pub fn client(url: &str) -> anyhow::Result<Client> {
    check(url)?;
    Client::new(url).with_context(|| url.to_owned())
}

/// The log behind a URL, or in a folder.
///
/// # Errors
/// As [`client`]; when there is no such folder, or it is the one around the served one.
pub fn source(place: &str) -> anyhow::Result<AnySource> {
    if place.contains("://") {
        check(place)?;
        return AnySource::new(place).with_context(|| place.to_owned());
    }
    let folder = Path::new(place);
    if !folder.is_dir() {
        bail!(
            "there is no folder {place}; a log that is reached over HTTP is named with its scheme: http://{place}"
        );
    }
    let public = folder.join("public");
    if !folder.join("checkpoint").exists() && public.is_dir() {
        bail!("{place} is the data folder of a log; what it serves is in {}: take that", public.display());
    }
    Ok(AnySource::new(place)?)
}

/// Looks for what is often wrong with the URL of a log.
///
/// # Errors
/// Says what was probably meant.
pub fn check(url: &str) -> anyhow::Result<()> {
    if !url.contains("://") {
        bail!("{url} has no scheme; try http://{url}, or https://{url}");
    }
    if let Some(base) = url.trim_end_matches('/').strip_suffix("/ct/v1") {
        bail!("{url} is a part of a log's API; take the base of the log: {base}/");
    }
    Ok(())
}
