//! Who an `id_token` is about, to be shown (OpenID Connect Core 1.0 §5.1).
//!
//! Nothing is verified, and nothing decided by it: this client asks for no identity, and takes what comes.

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::json::Members;
use crate::plain::Plain;

/// The first of the claims that people know themselves by, escaped and cut; `None` if it cannot be read.
pub(crate) fn label(token: &str) -> Option<Box<str>> {
    let claims = token.split('.').nth(1)?.trim_end_matches('=');
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let mut claims = Members::of(&claims).ok()?;
    let text = CLAIMS.into_iter().find_map(|name| claims.text(name))?;
    let cut: String = text.chars().take(MAX_LABEL).collect();
    Some(Plain(&cut).to_string().into())
}

/// What says most to the user comes first.
const CLAIMS: [&str; 4] = ["email", "preferred_username", "name", "sub"];

/// In characters: more is no label.
const MAX_LABEL: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn about(claims: &str) -> String {
        alloc::format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_claim_that_says_most_is_the_label() {
        for (claims, expected) in [
            (
                r#"{"sub":"1","name":"Al","preferred_username":"al","email":"a@b.example"}"#,
                "a@b.example",
            ),
            (r#"{"sub":"1","name":"Al","preferred_username":"al","email":""}"#, "al"),
            (r#"{"sub":"1","name":"Al","email":7}"#, "Al"),
            (r#"{"sub":"1"}"#, "1"),
            ("{\"email\":\"a\\u202eb\\u001b[2J\"}", r"a\u{202e}b\u{1b}[2J"),
        ] {
            assert_eq!(label(&about(claims)).as_deref(), Some(expected), "{claims}");
        }
    }

    #[test]
    fn a_label_has_its_bounds() {
        let long = alloc::format!(r#"{{"email":"{}"}}"#, "é".repeat(101));
        assert_eq!(label(&about(&long)).map(|it| it.chars().count()), Some(100));
    }

    #[test]
    fn what_is_no_id_token_names_nobody() {
        for token in
            ["", "a", "a.b.c", "..", "e30.!.c", &about("[]"), &about("{}"), &about("\u{1}")]
        {
            assert_eq!(label(token), None, "{token}");
        }
    }
}
