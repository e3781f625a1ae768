//! Names of organizations, as carriers write them: 13 % of the real service provider codes have two spellings
//! or more.

use tnlog::certificate::Certificate;

use super::id::short;

/// Forms of companies, and words between the others.
const FORMS: [&str; 17] = [
    "and",
    "the",
    "of",
    "inc",
    "llc",
    "ltd",
    "limited",
    "corp",
    "corporation",
    "co",
    "company",
    "lp",
    "llp",
    "gmbh",
    "sa",
    "bv",
    "plc",
];

/// What half the carriers call themselves: it says nothing about who it is.
const COMMON: [&str; 31] = [
    "usa",
    "us",
    "america",
    "american",
    "north",
    "national",
    "international",
    "global",
    "group",
    "holding",
    "holdings",
    "enterprises",
    "services",
    "service",
    "solutions",
    "systems",
    "technology",
    "technologies",
    "telecom",
    "telecommunications",
    "communication",
    "communications",
    "telephone",
    "tel",
    "networks",
    "network",
    "wireless",
    "voice",
    "voip",
    "digital",
    "cloud",
];

/// Letters and digits in small letters, words by one space.
pub(super) fn plain(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// The words by which an organization is known, at most eight; all of them where all are common.
pub(super) fn telling_words(name: &str) -> Vec<String> {
    let plain = plain(name);
    let words = || plain.split(' ').filter(|word| !word.is_empty());
    let telling: Vec<&str> = words().filter(|word| !FORMS.contains(word) && !COMMON.contains(word)).collect();
    let chosen = if telling.is_empty() { words().collect() } else { telling };
    chosen.into_iter().take(8).map(str::to_owned).collect()
}

/// Whether a certificate's organization is the one of this name: spelled the same but for case, punctuation and the form of the
/// company. Who names one can name its other spellings.
pub(super) fn is_named(certificate: &Certificate, name: &str) -> bool {
    let without_form = |name: &str| -> Vec<String> {
        let plain = plain(name);
        let words = plain.split(' ').filter(|word| !FORMS.contains(word)).map(str::to_owned);
        let words: Vec<String> = words.collect();
        if words.is_empty() { vec![plain] } else { words }
    };
    certificate.organization().is_some_and(|organization| without_form(&organization) == without_form(name))
}

/// Short hashes of the telling words of a certificate's organization, or one of its whole subject where it
/// names none. Two certificates are of one organization if they share one.
pub(super) fn words(certificate: &Certificate) -> Vec<Word> {
    let telling = certificate.organization().map(|name| telling_words(&name)).unwrap_or_default();
    if telling.is_empty() {
        vec![short(b"subject", certificate.subject())]
    } else {
        telling.iter().map(|word| hash(word)).collect()
    }
}

/// A short hash of a word.
pub(super) type Word = [u8; 4];

/// The hash of a telling word.
pub(super) fn hash(word: &str) -> Word {
    short(b"word", word.as_bytes())
}

/// Whether two organizations share a word.
pub(super) fn are_alike(one: &[Word], other: &[Word]) -> bool {
    one.iter().any(|word| other.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(one: &str, other: &str) -> bool {
        let other = telling_words(other);
        telling_words(one).iter().any(|word| other.contains(word))
    }

    #[test]
    fn spellings_of_one_organization_share_a_word() {
        assert!(alike("Comtalk Telecom", "COMTALK TELECOM, LLC"));
        assert!(alike("Zella Technologies", "Zella Technologies LLC"));
        assert!(alike("Logista Solutions", "Logista"));
        assert!(alike("The Telephone Company", "Telephone Co."));
    }

    #[test]
    fn common_words_do_not_make_two_organizations_one() {
        assert!(!alike("Randolph Communications", "Toly Digital Networks Inc"));
        assert!(!alike("North Telecom LLC", "Example Telecom LLC"));
        assert!(telling_words("-").is_empty());
    }
}
