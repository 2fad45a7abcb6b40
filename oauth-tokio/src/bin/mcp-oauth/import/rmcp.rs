//! `rmcp`: a `StoredCredentials`, which programs write down where they like.

use std::path::Path;

use serde_json::json;

use super::stored::{Stored, map, object};
use crate::outcome::Failure;

/// The login with these credentials.
pub(super) fn read(file: &Path) -> Result<Stored, Failure> {
    let mut stored = object(file)?;
    let mut member = |name: &str| stored.remove(name).unwrap_or_default();
    let client = json!({ "client_id": member("client_id") });
    let mut tokens = map(member("token_response"), file)?;
    tokens.insert("received_at".into(), member("token_received_at"));
    Stored::new(file, map(client, file)?, tokens)
}
