use super::*;

/// Who has sent no proof could not use a bound token; who has sent one sees what came of it.
#[test]
fn a_token_is_bound_only_for_who_has_sent_a_proof() {
    use TokenType::{Bearer, Dpop};
    let url = server().token_endpoint().clone();
    for (written, unasked, asked) in [
        (r#","token_type":"DPoP""#, None, Some(Dpop)),
        (r#","token_type":"dpop""#, None, Some(Dpop)),
        (r#","token_type":" DPOP ""#, None, Some(Dpop)),
        (r#","token_type":"bearer""#, Some(Bearer), Some(Bearer)),
        (r#","token_type":"user""#, Some(Bearer), Some(Bearer)),
        ("", Some(Bearer), Some(Bearer)),
        (r#","token_type":"mac""#, None, None),
        (r#","token_type":"DPoP+""#, None, None),
    ] {
        let response = Response::new(200, format!(r#"{{"access_token":"t"{written}}}"#).into());
        for (kind, expected) in [(Bearer, unasked), (Dpop, asked)] {
            let tokens = read_tokens(&response, &url, None, kind, NOW);
            let found = tokens.as_ref().ok().map(|tokens| tokens.token_type);
            assert_eq!(found, expected, "{written} {kind:?}");
            match tokens {
                Ok(tokens) => {
                    assert_eq!(tokens.check_type("r").is_ok(), found == Some(Dpop));
                    let stored = serde_json::to_string(&tokens).unwrap_or_default();
                    assert_eq!(serde_json::from_str(&stored).ok(), Some(tokens));
                }
                Err(NoToken { error, .. }) => assert!(matches!(
                    error,
                    Error::PeerIncompatible(PeerIncompatible::TokenType { .. })
                )),
            }
        }
    }
}
