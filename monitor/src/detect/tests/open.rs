//! Certificates that stand in the open: carriers, blocks, CAs.

use super::*;
use Severity::{High, Info, Low, Medium};
use tnlog::synthetic::{Name, Profile, TnEntry};

const VALIDITY: Validity = valid(-1, 60);

fn authority(organization: &str, seed: u64) -> Authority {
    let name = Name::new(organization, "SHAKEN CA");
    Authority::self_signed(Profile::authority("CA", None, VALIDITY, seed).subject(name))
}

fn carrier(code: &str, organization: &str, seed: u64) -> Profile {
    Profile::carrier(code, VALIDITY, seed).subject(Name::new(organization, &format!("SHAKEN {code}")))
}

fn range(start: &str, count: u64, organization: &str, seed: u64) -> Profile {
    Profile::ranges(&[(start, count)], VALIDITY, seed).subject(Name::new(organization, "Range"))
}

fn world() -> World {
    World::new(Detectors::default())
}

#[test]
fn an_issuer_and_an_organization_that_change_together() {
    let (usual, other) = (authority("Usual CA", 1), authority("Other CA", 2));
    let mut world = world();
    world.logs_open(&usual.issue(&carrier("706J", "Example Telephone", 1)));
    // Another key, another spelling, another issuer, and another organization: each alone is noise.
    world.logs_open(&usual.issue(&carrier("706j", "EXAMPLE TELEPHONE, LLC", 2)));
    world.logs_open(&other.issue(&carrier("706J", "Example Tel", 3)));
    world.logs_open(&usual.issue(&carrier("706J", "Bought By Somebody Inc", 4)));
    assert_eq!(world.open(), []);
    let attack = world.logs_open(&authority("Third CA", 3).issue(&carrier("706J", "Mallory Mobile", 5)));
    assert_eq!(world.open(), [(Detector::Profile, Medium)]);
    assert_eq!(world.finding(Detector::Profile).entries, [attack, 3]);
}

/// A CA that replaces its key is no other CA.
#[test]
fn an_operator_is_its_organization() {
    let mut world = world();
    world.logs_open(&authority("Usual CA, Inc.", 1).issue(&carrier("706J", "Example", 1)));
    world.logs_open(&authority("USUAL CA Inc", 2).issue(&carrier("706J", "Sold To Another", 2)));
    assert_eq!(world.open(), []);
}

#[test]
fn one_key_for_two_carriers() {
    let (ca, key) = (authority("Usual CA", 1), KeyPair::p256(9));
    let mut world = world();
    world.logs_open(&ca.issue(&carrier("706J", "Example", 1).key(key.clone())));
    world.logs_open(&ca.issue(&carrier("706J", "Example", 2).key(key.clone())));
    assert_eq!(world.open(), []);
    world.logs_open(&ca.issue(&carrier("867J", "Other", 3).key(key)));
    assert_eq!(world.open(), [(Detector::Profile, Medium)]);
}

#[test]
fn overlapping_blocks_of_two_organizations() {
    let ca = authority("Usual CA", 1);
    let mut world = world();
    let first = world.logs_open(&ca.issue(&range("17035550000", 1000, "Example", 1)));
    world.logs_open(&ca.issue(&range("17035550100", 100, "EXAMPLE Inc", 2)));
    world.logs_open(&ca.issue(&range("17035551000", 1000, "Other", 3)));
    assert_eq!(world.open(), []);
    let inside = world.logs_open(&ca.issue(&range("17035550200", 100, "Mallory", 4)));
    assert_eq!(world.finding(Detector::ConflictingCredentials).entries, [inside, first]);
    let around = world.logs_open(&ca.issue(&range("17035551000", 9000, "Greedy", 5)));
    assert_eq!(world.open(), [(Detector::ConflictingCredentials, Medium); 2]);
    assert!(world.findings[1].entries.starts_with(&[around, 2]));
    // What has expired conflicts with nothing. Fails without the comparison with `now`.
    world.after(70 * DAY);
    let late = valid(70, 80);
    let later = Profile::ranges(&[("17035550000", 1000)], late, 6).subject(Name::new("Next", "Range"));
    world.logs_open(&ca.issue(&later));
    assert_eq!(world.findings.len(), 2);
}

/// A carrier that hands a part of its block to another one. Fails without `related`.
#[test]
fn a_delegated_block_is_no_conflict() {
    let ca = authority("Usual CA", 1);
    let profile =
        Profile::authority("Carrier", None, VALIDITY, 2).entries(&[TnEntry::range("17035550000", 1000)]);
    let delegate = ca.issue(&profile.subject(Name::new("Example", "Delegate")));
    let below = delegate.clone().into_authority().issue(&range("17035550100", 100, "Customer", 3));
    let mut world = world();
    world.logs_open(&delegate);
    world.logs_open(&below);
    assert_eq!(world.open(), []);
}

#[test]
fn beyond_the_parent() {
    let delegate = authority("Usual CA", 1).delegate("Carrier", &[TnEntry::range("17035550000", 1000)], 2);
    let mut world = world();
    world.logs_open(&delegate.issue(&range("17035550100", 100, "Synthetic Certification Authority", 3)));
    assert_eq!(world.open(), []);
    world.logs_open(&delegate.issue(&range("17035551000", 100, "Elsewhere", 4)));
    assert_eq!(world.open(), [(Detector::Profile, High)]);
}

#[test]
fn what_no_certificate_should_be() {
    let ca = authority("Usual CA", 1);
    let one = |profile: &Profile| {
        let mut world = world();
        world.logs_open(&ca.issue(profile));
        world.open()
    };
    let long = valid(0, 1000);
    assert_eq!(one(&carrier("706J", "Example", 1)), []);
    assert_eq!(one(&Profile::carrier("706J", long, 1)), [(Detector::Profile, Low)]);
    let unreadable = tnlog::synthetic::Extension::new(tnlog::certificate::TN_AUTH_LIST, vec![0x30, 0]);
    assert_eq!(one(&carrier("706J", "Example", 1).extension(unreadable)), [(Detector::Profile, Low)]);
    let forbidden = carrier("706J", "Example", 1).entries(&[TnEntry::spc("TOOLONG1")]);
    assert_eq!(one(&forbidden), [(Detector::Profile, Medium)]);
}

/// The key of a number's credential is looked at too.
#[test]
fn a_weak_key() {
    let mut world = world();
    world.logs(&credential(1, 1, 1));
    assert_eq!(world.open(), [(Detector::Profile, Medium)]);
}

#[test]
fn a_serial_number_that_two_certificates_have() {
    let ca = authority("Usual CA", 1);
    let mut world = world();
    let profile = carrier("706J", "Example", 1).serial(&[5]);
    let precertificate = ca.issue_precertificate(&profile);
    world.logs_open_as(precertificate.issued(), Kind::Precertificate);
    world.logs_open(&ca.finalize(&precertificate, &[vec![1; 60]]).unwrap());
    assert_eq!(world.open(), []);
    // The same but for its SCTs: another certificate of this serial number, that differs in nothing that counts.
    world.logs_open(&ca.finalize(&precertificate, &[vec![2; 60]]).unwrap());
    assert_eq!(world.open(), [(Detector::RepeatedId, Info)]);
    world.logs_open(&ca.issue(&carrier("706J", "Example", 2).serial(&[5])));
    assert_eq!(world.open(), [(Detector::RepeatedId, Info), (Detector::RepeatedId, High)]);
}
