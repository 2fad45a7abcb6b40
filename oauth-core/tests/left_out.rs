//! A grant that a program was built without. CI runs this with all grants, and with none but that of a code.

use oauth_core::error::Misuse;
use oauth_core::flow::WrittenSettings;
use oauth_core::{Error, Policy};

const ENTERPRISE: &str =
    r#"{"enterprise_managed": {"token_endpoint": "https://idp.example/token", "client_id": "c"}}"#;

#[test]
fn a_grant_that_was_left_out_is_named_with_the_feature_that_brings_it() {
    for (grant, feature, is_here) in [
        (r#""authorization_code""#, "", true),
        (r#""device_code""#, "device-code", cfg!(feature = "device-code")),
        (r#""authorization_or_device_code""#, "device-code", cfg!(feature = "device-code")),
        (r#""client_credentials""#, "client-credentials", cfg!(feature = "client-credentials")),
        (r#""workload_identity""#, "assertions", cfg!(feature = "assertions")),
        (ENTERPRISE, "assertions", cfg!(feature = "assertions")),
    ] {
        let written: WrittenSettings =
            oauth_core::read_json(&format!(r#"{{"grant": {grant}}}"#)).expect("they are settings");
        let settings = written.settings("https://mcp.example.com/mcp", Policy::default());
        let left_out = Error::from(Misuse::LeftOut { feature: feature.into() });
        assert_eq!(settings.err(), (!is_here).then_some(left_out), "{grant}");
    }
}
