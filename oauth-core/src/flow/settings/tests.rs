use super::*;

fn settings() -> Settings {
    Settings::new("https://mcp.example/mcp").unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn client_metadata_urls_are_https_with_a_path_and_nothing_behind_it() {
    for (url, fits) in [
        ("https://app.example/client.json", true),
        ("https://app.example:8443/c", true),
        ("https://app.example", false),
        ("https://app.example/", false),
        ("https://app.example/a/../c", false),
        ("https://app.example/c?x", false),
        ("https://app.example/c#x", false),
        ("https://u@app.example/c", false),
        ("http://localhost/c", false),
        ("client.json", false),
    ] {
        let expected = Misuse::ClientMetadataUrl { url: shown(url) };
        match settings().client_metadata_url(url) {
            Ok(_) => assert!(fits, "{url}"),
            Err(error) => assert!(!fits && error == expected.into(), "{url}"),
        }
    }
}

#[test]
fn private_hosts_are_hosts_as_they_stand_in_urls() {
    for (host, expected) in [
        ("auth.corp.example", Some("auth.corp.example")),
        ("Auth.Corp.example", Some("auth.corp.example")),
        ("b\u{fc}cher.example", Some("xn--bcher-kva.example")),
        ("localhost", Some("localhost")),
        ("10.0.0.7", Some("10.0.0.7")),
        ("127.1", Some("127.0.0.1")),
        ("::1", Some("[::1]")),
        ("[::ffff:10.0.0.1]", Some("[::ffff:a00:1]")),
        ("", None),
        ("https://auth.corp.example", None),
        ("auth.corp.example:8443", None),
        ("auth.corp.example/x", None),
        ("[::1]:8443", None),
        ("*.corp.example", None),
    ] {
        let found = settings().private_host(host).map(|it| it.private_hosts[0].to_string());
        let misuse = Misuse::PrivateHost { host: host.into() };
        assert_eq!(found, expected.map(str::to_string).ok_or(misuse.into()), "{host}");
    }
}

#[test]
fn a_server_has_to_be_public_if_everything_has_to() {
    let policy = Policy::default().only_public_addresses();
    for url in ["http://localhost:1/mcp", "https://10.0.0.1/mcp", "http://[::1]/mcp"] {
        let settings = Settings::with_policy(url, policy).unwrap_or_else(|e| panic!("{e}"));
        let defect = UrlDefect::PrivateAddress;
        assert_eq!(settings.check_server(), Err(Misuse::ServerUrl { url: url.into(), defect }));
        let host = settings.address_policy().server_host().to_string();
        assert_eq!(settings.private_host(&host).map(|it| it.check_server()), Ok(Ok(())));
        assert_eq!(Settings::new(url).map(|it| it.check_server()), Ok(Ok(())));
    }
    let public = Settings::with_policy("https://mcp.example/mcp", policy);
    assert_eq!(public.map(|it| it.check_server()), Ok(Ok(())));
}

#[test]
fn a_client_id_is_not_empty_and_an_empty_secret_is_none() {
    assert_eq!(settings().client_id("", None), Err(Misuse::EmptyClientId.into()));
    let settings = settings().client_id("c", Some("".into())).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(settings.pre_registered.and_then(|client| client.client_secret), None);
}

/// Also as they were when device codes had a switch of their own.
#[test]
fn the_way_to_a_token_is_read_as_it_was_ever_written() {
    let usual = serde_json::to_value(settings()).unwrap_or_else(|e| panic!("{e}"));
    assert!(usual.get("grant").is_none(), "{usual}");
    let read = |name: &str, value: serde_json::Value| {
        let mut stored = usual.clone();
        stored[name] = value;
        serde_json::from_value::<Settings>(stored)
    };
    let provider = IdentityProvider::new("https://idp.example/token", "c", None);
    let provider = provider.unwrap_or_else(|e| panic!("{e}"));
    for set_up in [
        settings(),
        settings().device_code(),
        settings().or_device_code(),
        settings().client_credentials(),
        settings().workload_identity(),
        settings().enterprise_managed(provider),
    ] {
        let stored = serde_json::to_string(&set_up).unwrap_or_else(|e| panic!("{e}"));
        let restored = serde_json::from_str::<Settings>(&stored);
        assert_eq!(restored.unwrap_or_else(|e| panic!("{e}")), set_up);
    }
    for (former, set_up) in [(true, settings().device_code()), (false, settings())] {
        let restored = read("device_code", former.into());
        assert_eq!(restored.unwrap_or_else(|e| panic!("{e}")), set_up);
    }
    let restored = read("grant", "client_credentials".into());
    assert_eq!(restored.unwrap_or_else(|e| panic!("{e}")), settings().client_credentials());
    let mut both = usual.clone();
    (both["grant"], both["device_code"]) = ("client_credentials".into(), true.into());
    assert!(serde_json::from_value::<Settings>(both).is_err(), "which one?");
}

#[test]
fn of_two_ways_to_a_token_the_last_one_counts() {
    assert_eq!(settings().client_credentials().device_code(), settings().device_code());
    assert_eq!(settings().device_code().authorization_code(), settings());
}
