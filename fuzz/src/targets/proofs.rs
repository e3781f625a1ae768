//! tlog-proofs, receipts and their extra data.

use tnlog::label::LabelKey;
use tnlog::proof::TlogProof;
use tnlog::receipt::{Extra, Receipt};
use tnlog::registration_receipt::{RegistrationExtra, RegistrationReceipt};

/// Each has one spelling.
pub fn proof(data: &[u8]) {
    if let Ok(proof) = TlogProof::parse(data) {
        assert_eq!(proof.to_string().as_bytes(), data);
    }
    if let Ok(receipt) = Receipt::parse(data) {
        assert_eq!(receipt.to_string().as_bytes(), data);
    }
    if let Ok(receipt) = RegistrationReceipt::parse(data) {
        assert_eq!(receipt.to_string().as_bytes(), data);
        let _ = receipt.leaf(&LabelKey::from_seed(&[2; 32]).public());
    }
    if let Some(extra) = Extra::decode(data) {
        assert_eq!(extra.encode(), data);
    }
    if let Some(extra) = RegistrationExtra::decode(data) {
        assert_eq!(extra.encode(), data);
    }
}
