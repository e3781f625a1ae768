//! Names, and files that an operator gives.

use tnlog::block::Block;
use tnlog::certificate::Certificate;
use tnlog::mirror::Config as MirrorConfig;
use tnlog::number::{Number, ServiceProviderCode};
use tnlog::pem;
use tnlog::server::config::Config;
use tnlog::server::{roots, services};
use tnlog::signature::PublicKeyInfo;
use tnlog::tnauthlist::{self, Scope};

/// A TNAuthList is written as it was read (counts beyond 64 bits apart, of which no range is made), and what it names encompasses itself; numbers, blocks and codes have one spelling.
pub fn names(data: &[u8]) {
    if let Ok(entries) = tnauthlist::decode(data) {
        let written = tnauthlist::encode(&entries).expect("what is read can be written");
        assert_eq!(tnauthlist::decode(&written).as_ref(), Ok(&entries));
        if let Ok(scope) = Scope::from_entries(&entries) {
            assert!(scope.encompasses(&scope));
            let _ = scope.calling_codes();
            if let Scope::Numbers(numbers) = &scope {
                assert!(numbers.iter().all(|number| scope.covers(number)));
            }
        }
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(number) = text.parse::<Number>() {
        assert_eq!(number.digits(), text);
        assert!(!format!("{number:?}{number}").contains(text));
    }
    if let Ok(block) = text.parse::<Block>() {
        assert_eq!(block.to_string(), text);
        assert!(block.covers_block(&block));
    }
    if let Ok(code) = text.parse::<ServiceProviderCode>() {
        assert_eq!(code.as_str(), text);
        assert_eq!(code.canonical().canonical(), code.canonical());
    }
    let _ = roots::parse_codes(text);
}

/// PEM of roots, Resolution Services and chains, and configurations.
pub fn files(data: &[u8]) {
    if let (Ok(ders), Ok(certificates)) = (pem::decode(data), Certificate::from_pem_bundle(data)) {
        assert!(certificates.iter().map(Certificate::der).eq(&ders));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(root) = roots::parse(text) {
        let again = roots::parse(&roots::format(&root)).expect("what is written is read");
        assert_eq!((again.certificate, again.calling_codes), (root.certificate, root.calling_codes));
    }
    if let Ok(spki) = services::parse_key(text) {
        assert!(PublicKeyInfo::from_spki(&spki).is_some());
    }
    if let Ok(config) = Config::parse(text) {
        assert!(config.round_milliseconds > 0 && config.limits.connections > 0);
    }
    if let Ok(config) = MirrorConfig::parse(text) {
        assert!(config.poll_milliseconds > 0 && config.limits().connections > 0);
    }
}
