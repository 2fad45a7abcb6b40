use super::*;

#[test]
fn offers_are_read_and_kept_as_far_as_somebody_wants_them() {
    use SigningAlgorithm::{Es256, Ps256};
    for (more, algorithms) in [
        ("", None),
        (r#","dpop_signing_alg_values_supported":["PS256","HS256","ES256"]"#, {
            Some([Es256, Ps256].into_iter().collect())
        }),
        (r#","dpop_signing_alg_values_supported":["none"]"#, Some(SigningAlgorithms::NONE)),
    ] {
        let server = ServerMetadata::sample(more);
        assert_eq!(server.dpop_algorithms(), algorithms, "{more}");
        let stored = serde_json::to_string(&server).unwrap_or_default();
        assert_eq!(serde_json::from_str(&stored).ok(), Some(server.clone()));
        let (mut all, mut none) = (server.clone(), server.clone());
        all.keep(Wanted { dpop: true, ..Wanted::default() });
        assert_eq!(all, server);
        none.keep(Wanted::default());
        assert_eq!(none, ServerMetadata::sample(""));
    }
}

#[test]
fn where_requests_are_pushed_matters_only_if_they_have_to_be() {
    let endpoint = r#","pushed_authorization_request_endpoint":"#;
    let required = r#","require_pushed_authorization_requests":true"#;
    let none = || PeerIncompatible::PushedRequestsRequired { issuer: "https://as.example".into() };
    let read = |more: &str| check(&format!("{S256}{more}"));
    assert_eq!(read(required), Err(none().into()), "it has nowhere to be pushed to");
    for insists in [true, false] {
        let more = if insists { required } else { "" };
        let server = read(&format!(r#"{endpoint}"https://as.example/par"{more}"#));
        let server = server.unwrap_or_else(|e| panic!("{e}"));
        let pushed = server.pushed_requests().unwrap_or_else(|| panic!("{more}"));
        assert_eq!(
            (pushed.endpoint.as_str(), pushed.required),
            ("https://as.example/par", insists)
        );
        assert_eq!(server.check_unpushed(), if insists { Err(none()) } else { Ok(()) });
        let stored = serde_json::to_string(&server).unwrap_or_default();
        assert_eq!(serde_json::from_str(&stored).ok(), Some(server.clone()));
        for wants in [true, false] {
            let mut kept = server.clone();
            kept.keep(Wanted { pushed_requests: wants, ..Wanted::default() });
            assert_eq!(kept.pushed_requests().is_some(), wants || insists);
        }
        let unsafe_url = read(&format!(r#"{endpoint}"http://as.example/par"{more}"#));
        let (endpoint, defect) = (Endpoint::PushedAuthorization, UrlDefect::Plaintext);
        let url = "http://as.example/par".into();
        let refused = Error::from(PeerMisbehaved::UnsafeUrl { endpoint, url, defect });
        let found = unsafe_url.map(|it| it.pushed_requests().is_some());
        assert_eq!(found, if insists { Err(refused) } else { Ok(false) });
    }
}

#[test]
fn where_device_codes_are_got_is_kept_for_who_wants_one() {
    let read = |url: &str| check(&format!(r#"{S256},"device_authorization_endpoint":"{url}""#));
    let server = read("https://as.example/device").unwrap_or_else(|e| panic!("{e}"));
    let endpoint =
        |server: &ServerMetadata| server.device_endpoint().map(|it| it.as_str().to_owned());
    assert_eq!(endpoint(&server).as_deref(), Some("https://as.example/device"));
    let stored = serde_json::to_string(&server).unwrap_or_default();
    assert_eq!(serde_json::from_str(&stored).ok(), Some(server.clone()));
    let (mut wanted, mut unwanted) = (server.clone(), server);
    wanted.keep(Wanted { device_codes: true, ..Wanted::default() });
    unwanted.keep(Wanted { dpop: true, pushed_requests: true, ..Wanted::default() });
    assert!(endpoint(&wanted).is_some() && unwanted == ServerMetadata::sample(""));
    let unusable = read("http://as.example/device").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(endpoint(&unusable), None);
    assert!(unusable.tolerated.contains(Tolerance::MisshapenMembers));
}
