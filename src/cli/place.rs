//! How a log is named on the command line, and what is said when the name is nearly right.

use std::path::Path;

use anyhow::{Context, bail};
use tnlog::client::http::Client;
use tnlog::client::source::AnySource;

use crate::output;

/// The client of a log.
///
/// # Errors
/// When the URL cannot be the base of a log; says what was probably meant.
pub fn client(url: &str) -> anyhow::Result<Client> {
    check(url)?;
    let client = Client::new(url).with_context(|| url.to_owned())?;
    Ok(client.telling(|base, why| {
        // What failed last is what a person can do something about.
        let why = why.rsplit(": ").next().unwrap_or(why);
        output::note(format_args!("{base} does not answer yet ({why}); trying again"));
    }))
}

/// The log behind a URL, or in a folder.
///
/// # Errors
/// As [`client`]; when there is no such folder, or it is the one around the served one.
pub fn source(place: &str) -> anyhow::Result<AnySource> {
    if place.contains("://") {
        return Ok(AnySource::Http(Box::new(client(place)?)));
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
        return output::usage(format!("{url} has no scheme; try http://{url}, or https://{url}"));
    }
    let parts = ["/ct/v1", "/stict/v1", "/tn/v1/log", "/tn/v1", "/checkpoint", "/index"];
    if let Some(base) = parts.iter().find_map(|part| url.trim_end_matches('/').strip_suffix(part)) {
        return output::usage(format!("{url} is a part of a log's API; take the base of the log: {base}/"));
    }
    Ok(())
}
