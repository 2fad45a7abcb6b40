//! What other programs store, as far as it is the same for all of them.

use std::fs;
use std::path::Path;

use oauth_tokio::oauth_core::wire::ClientRegistrationResponse;
use oauth_tokio::{TokenData, UnixTime};
use serde_json::{Map, Value};

use crate::outcome::Failure;

/// The members of a JSON object.
pub(super) type Object = Map<String, Value>;

/// A login that another program has stored.
pub(super) struct Stored {
    pub(super) client: ClientRegistrationResponse,
    pub(super) tokens: TokenData,
    /// When it was written down.
    changed: UnixTime,
}

impl Stored {
    /// What stands in this file, and in what belongs to it.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`]: it is none.
    pub(super) fn new(file: &Path, client: Object, tokens: Object) -> Result<Self, Failure> {
        let kind = tokens.get("token_type").and_then(Value::as_str);
        if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(not_one(
                file,
                "its tokens are bound to a key of that program's: log in here",
            ));
        }
        let changed = fs::metadata(file)?.modified()?.into();
        // What it says of a value may be the value.
        let unusable =
            |_| not_one(file, "there are no tokens and no client in it that can be read");
        Ok(Self {
            changed,
            client: serde_json::from_value(client.into()).map_err(unusable)?,
            tokens: serde_json::from_value(tokens_of(tokens, changed)).map_err(unusable)?,
        })
    }

    /// When the tokens were issued, as far as can be told: before they have expired.
    pub(super) fn issued_at(&self) -> UnixTime {
        let ends = self.tokens.expires_at.map_or(u64::MAX, UnixTime::as_secs);
        UnixTime::from_secs(self.changed.as_secs().min(ends.saturating_sub(1)))
    }
}

/// What counts of tokens: some programs write the lifetime, some when it ends, in seconds or in thousandths of them. What
/// has no lifetime left has expired.
fn tokens_of(stored: Object, changed: UnixTime) -> Value {
    let seconds = |name: &str| match stored.get(name)? {
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    };
    let ends = seconds("expires_at").map(|at| if at > A_TIME_IN_MS { at / 1000.0 } else { at });
    let received = seconds("received_at").unwrap_or(changed.as_secs() as f64);
    let ends = ends.or_else(|| Some(received + seconds("expires_in")?));
    let kept = ["access_token", "refresh_token", "scope", "id_token"];
    let mut tokens: Object = kept
        .iter()
        .filter_map(|name| {
            Some(((*name).to_owned(), stored.get(*name).filter(|it| !it.is_null())?.clone()))
        })
        .collect();
    if let Some(ends) = ends {
        tokens.insert("expires_at".into(), (ends.max(1.0) as u64).into());
    }
    tokens.into()
}

/// The object that a file is.
///
/// # Errors
///
/// [`Failure::Usage`]: it is none.
pub(super) fn object(file: &Path) -> Result<Object, Failure> {
    let text = fs::read_to_string(file).map_err(|error| not_one(file, &error.to_string()))?;
    // What it says may be secret, and is not shown.
    let value = serde_json::from_str(&text).map_err(|_| not_one(file, "it is no JSON"))?;
    map(value, file)
}

/// The object that a value in a file is.
///
/// # Errors
///
/// [`Failure::Usage`]: it is none.
pub(super) fn map(value: Value, file: &Path) -> Result<Object, Failure> {
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(not_one(file, "it is no JSON object")),
    }
}

pub(super) fn not_one(file: &Path, why: &str) -> Failure {
    Failure::Usage(format!("{} cannot be imported: {why}", file.display()))
}

/// In seconds, a time that nobody stores tokens for.
const A_TIME_IN_MS: f64 = 1e11;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_end_of_a_token_is_found_however_it_is_written() {
        let changed = UnixTime::from_secs(1_800_000_000);
        for (stored, expected) in [
            (
                json!({ "access_token": "a", "expires_at": 1_900_000_000_000_u64, "expires_in": 5 }),
                json!(1_900_000_000),
            ),
            (json!({ "access_token": "a", "expires_at": 1_900_000_000.5 }), json!(1_900_000_000)),
            (json!({ "access_token": "a", "expires_in": 60 }), json!(1_800_000_060)),
            (
                json!({ "access_token": "a", "expires_in": 60, "received_at": 1_700_000_000 }),
                json!(1_700_000_060),
            ),
            (json!({ "access_token": "a", "expires_in": "60" }), json!(1_800_000_060)),
            (json!({ "access_token": "a", "expires_in": 0 }), json!(1_800_000_000)),
            (json!({ "access_token": "a", "expires_at": 0 }), json!(1)),
            (json!({ "access_token": "a", "expires_in": -5.0e9 }), json!(1)),
            (json!({ "access_token": "a", "expires_at": null }), Value::Null),
        ] {
            let Value::Object(members) = stored.clone() else { unreachable!("it is an object") };
            assert_eq!(tokens_of(members, changed)["expires_at"], expected, "{stored}");
        }
    }
}
