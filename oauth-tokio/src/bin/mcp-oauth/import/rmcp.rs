//! `rmcp`: a `StoredCredentials`, which programs write down where they like.

use std::path::Path;

use serde_json::json;

use super::stored::{Stored, map, object};
use crate::outcome::Failure;

/// The login with these credentials.
pub(super) fn read(file: &Path) -> Result<Stored, Failure> {
    let stored = object(file)?;
    let client = json!({ "client_id": stored["client_id"] });
    let mut tokens = map(stored["token_response"].clone(), file)?;
    tokens.insert("received_at".into(), stored["token_received_at"].clone());
    Stored::new(file, map(client, file)?, tokens)
}
