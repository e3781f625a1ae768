//! What `tnlog-monitor` reads: evidence from others, and its configuration.

use tnlog::client::evidence::Evidence;
use tnlog::note::{KeyType, Signer};
use tnlog_monitor::config::{Config, ConfigError};

/// Evidence reads back as it was written, and judging it ends. What is wrong with a configuration is said without its digits.
pub fn evidence_and_configuration(data: &[u8]) {
    if let Ok(evidence) = Evidence::parse(data) {
        assert_eq!(Evidence::parse(&evidence.encode()).as_ref(), Ok(&evidence));
        let signer = |name| Signer::new(name, KeyType::Ed25519, &[1; 32]).expect("a name");
        let keys = ["log.example", "log.example/index"].map(|name| signer(name).verifier_key().clone());
        let _ = evidence.verify(&keys);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Config::parse(text) {
        Ok(config) => config.watches.iter().for_each(|watch| assert!(watch.named().is_ok())),
        Err(ConfigError::Toml(said)) => {
            let rest = said.trim_start_matches("line ").trim_start_matches(|c: char| c.is_ascii_digit());
            assert!(!rest.contains(|c: char| c.is_ascii_digit()), "{said}");
        }
        Err(_) => {}
    }
}
