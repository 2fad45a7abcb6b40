//! Texts that should be keys: what is none says why, what is one comes back as it was, and no private half is shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_core::keys::{DpopKey, PublicJwk, Signer as _, SoftwareKey};
use oauth_fuzz::{assert_survives, stored};

fuzz_target!(|text: &str| {
    match SoftwareKey::parse(text) {
        Ok(key) => {
            let algorithm = key.algorithms().iter().next().expect("it can do something");
            assert_eq!(key.sign(algorithm, b"what").expect("it signs").len(), 64);
            let shown = format!("{key:?} {}", key.public_jwk_set());
            let private = serde_json::from_str::<serde_json::Value>(text).ok();
            let private = private.as_ref().and_then(|jwk| jwk.get("d")?.as_str());
            assert!(private.is_none_or(|private| !shown.contains(private)), "{shown}");
            assert_survives(key.public_jwk());
        }
        Err(defect) => assert!(!defect.to_string().is_empty() && !defect.advice().is_empty()),
    }
    if let Ok(key) = PublicJwk::parse(text) {
        assert_eq!(PublicJwk::parse(&key.to_json()).as_ref(), Ok(&key));
        assert_eq!(key.thumbprint().len(), 43);
        let key = DpopKey::new(key).with_secret(text.into());
        assert_survives(&key);
        // Whatever is stored as its private half, it is the right one or none.
        if let Ok(Some(signer)) = key.signer() {
            assert_eq!(signer.public_jwk(), key.public_key());
        }
    } else if let Ok(key) = serde_json::from_str::<DpopKey>(text) {
        let _ = stored(&key).len() + usize::from(key.signer().is_ok());
    }
});
