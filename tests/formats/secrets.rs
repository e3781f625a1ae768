//! Secrets are wiped from memory when they are dropped.

use tnlog::commitment::{Opening, OpeningSecret};
use tnlog::label::LabelKey;
use tnlog::note::Signer;
use zeroize::{ZeroizeOnDrop, Zeroizing};

fn is_wiped<T: ZeroizeOnDrop>() -> &'static str {
    std::any::type_name::<T>()
}

/// Does not compile when a type of a secret no longer wipes itself, such as by a feature of its crate that is gone.
#[test]
fn keys_wipe_themselves() {
    let wiped = [
        is_wiped::<Signer>(),
        is_wiped::<LabelKey>(),
        is_wiped::<OpeningSecret>(),
        is_wiped::<Opening>(),
        is_wiped::<p256::ecdsa::SigningKey>(),
        is_wiped::<p384::ecdsa::SigningKey>(),
        is_wiped::<voprf::VoprfClient<voprf::Ristretto255>>(),
        is_wiped::<Zeroizing<Vec<u8>>>(),
    ];
    assert!(wiped.iter().all(|name| !name.is_empty()));
}
