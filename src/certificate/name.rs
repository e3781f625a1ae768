//! Whose a certificate says it is.

use const_oid::db::rfc4519::ORGANIZATION_NAME;
use der::Decode;

use super::Certificate;

impl Certificate {
    /// The organization of the subject, as it is written; the first, where there are several.
    pub fn organization(&self) -> Option<String> {
        let name = x509_cert::name::Name::from_der(self.subject()).ok()?;
        let mut attributes = name.0.iter().flat_map(|set| set.0.iter());
        let organization = attributes.find(|attribute| attribute.oid == ORGANIZATION_NAME)?;
        Some(String::from_utf8_lossy(organization.value.value()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{Authority, Name, Profile, Validity};

    #[test]
    fn the_organization_is_that_of_the_subject() {
        let validity = Validity { not_before: 1_700_000_000, not_after: 1_800_000_000 };
        let profile = Profile::carrier("706J", validity, 1).subject(Name::new("Example Telephone", "SHAKEN"));
        let issued = Authority::root("Root", 1, validity).issue(&profile);
        let certificate = Certificate::from_der(issued.certificate()).unwrap();
        assert_eq!(certificate.organization().as_deref(), Some("Example Telephone"));
    }
}
