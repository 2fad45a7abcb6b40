//! Records to store, and texts for their keys.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt::Display;

use crate::client::storage_contract::finding::Finding;
use crate::flow::Settings;
use crate::session::{PendingLogin, Record};
use crate::time::UnixTime;
use crate::wire::ServerOAuthMetadata;

/// What no list may show is in these.
pub(super) const SECRET: &str = "not-to-be-shown";

/// The server of all keys where another one does not matter.
pub(super) const URL: &str = "https://mcp.example.com/mcp";

/// A record that is unlike all of another name, to stand in place of that generation; 0 for none.
pub(super) fn record(name: impl Display, replaced: u64) -> Result<Record, Finding> {
    let tokens = format!(
        r#"{{"access_token": "at-{name}-{SECRET}", "refresh_token": "rt-{name}-{SECRET}",
        "expires_at": 1900003600, "scope": "read write"}}"#
    );
    record_of(&tokens, replaced)
}

/// One with these tokens, in JSON.
pub(super) fn record_of(tokens: &str, replaced: u64) -> Result<Record, Finding> {
    let said = |error: &dyn Display| Finding::Broken(format!("no record can be made: {error}"));
    let settings = Settings::new(URL).map_err(|e| said(&e))?;
    let issuer: ServerOAuthMetadata = serde_json::from_str(ISSUER).map_err(|e| said(&e))?;
    let client = format!(r#"{{"client_id": "client-1", "client_secret": "cs-{SECRET}"}}"#);
    let client = serde_json::from_str(&client).map_err(|e| said(&e))?;
    let tokens = serde_json::from_str(tokens).map_err(|e| said(&e))?;
    let record = Record::brought(&settings, &issuer, &client, tokens, NOW).map_err(|e| said(&e))?;
    Ok(record.replacing(replaced))
}

/// One without tokens, as it is of a client that several profiles share, or of a login that has ended.
pub(super) fn without_tokens(name: impl Display, replaced: u64) -> Result<Record, Finding> {
    let mut record = record(name, 0)?;
    record.tokens = None;
    Ok(record.replacing(replaced))
}

/// A login that waits, of this profile.
pub(super) fn login(profile: &str) -> Result<PendingLogin, Finding> {
    let json = LOGIN.replace("PROFILE", profile);
    let said = |error| Finding::Broken(format!("no login can be made: {error}"));
    serde_json::from_str(&json).map_err(said)
}

/// All of a login, to compare it.
pub(super) fn written(login: &PendingLogin) -> String {
    // All keys are texts, so it always serializes.
    serde_json::to_string(login).unwrap_or_default()
}

/// A text of so many letters that cannot be made shorter: a database that packs long values fits a thousand equal
/// letters everywhere.
pub(super) fn noise(length: usize) -> String {
    let mut state = 1_u32;
    let letters = core::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(LETTERS[(state >> 26) as usize])
    });
    letters.take(length).collect()
}

/// Texts that are one to those who look less closely.
pub(super) fn alike() -> impl Iterator<Item = String> {
    let texts = [
        "work",
        "Work",
        "WORK",
        "work ",
        " work",
        "work/",
        "work\0",
        "work\n",
        "work%20",
        "work.",
        "w_rk",
        "w%",
        "%",
        "_",
        "w*",
        "*",
        "w?rk",
        "w[o]rk",
        "w\\rk",
        "",
        "0",
        "00",
        "null",
        "caf\u{e9}",
        "cafe\u{301}",
        "cafe",
        "stra\u{df}e",
        "strasse",
        "\u{131}",
        "i",
        "I",
        "\u{fb01}",
        "fi",
        "\u{1f600}",
        "\u{1f601}",
        "\u{fffd}",
    ];
    texts.into_iter().map(str::to_string)
}

/// Texts that have ended others' statements, paths and names.
pub(super) fn odd() -> impl Iterator<Item = String> {
    let texts = [
        "a\0b",
        "\0",
        "\u{1f469}\u{200d}\u{1f4bb}",
        "it's",
        "\"quoted\"",
        "'; drop table grants; --",
        "$1",
        "{key}",
        "a:b",
        "a|b",
        "a,b",
        "a\tb\r\nc",
        "..",
        "../../up",
        "/",
        "C:\\con",
        "NUL",
        "-rf",
        "\u{feff}",
        "\u{202e}",
        "\u{10ffff}",
        "\u{7f}\u{1}",
    ];
    texts.into_iter().map(str::to_string).chain([noise(300), noise(9_000), noise(70_000)])
}

/// When all records are made. None has expired, and a store does not look.
const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

const ISSUER: &str = r#"{
    "issuer": "https://as.example.com", "code_challenge_methods_supported": ["S256"],
    "authorization_endpoint": "https://as.example.com/authorize",
    "token_endpoint": "https://as.example.com/token"}"#;

/// When a login ends: later than any clock of a database says.
pub(super) const LOGIN_ENDS: u64 = 4_000_000_000;

/// One that was handed out by a client that the server has registered.
pub(super) const LOGIN: &str = concat!(
    r#"{"profile":"PROFILE","expires_at":4000000000,"in_vain":1,"#,
    r#""moved_to":"https://mcp.example.com/v2","consent":{"binding":{"#,
    r#""server":{"issuer":"https://as.example.com","#,
    r#""authorization_endpoint":"https://as.example.com/authorize","#,
    r#""token_endpoint":"https://as.example.com/token","registration_endpoint":null,"#,
    r#""revocation_endpoint":null,"provenance":"discovered","#,
    r#""auth_methods":["none"],"promises_iss":true,"metadata_documents":false,"#,
    r#""offline_access":false},"client":{"client_id":"client-1","auth_method":"none","#,
    r#""redirect_uri":"http://127.0.0.1:49152/callback","kind":"dynamic"},"#,
    r#""resource":"https://mcp.example.com/mcp","requested":"read write","#,
    r#""requested_by":"resource_metadata"},"#,
    r#""verifier":"Rvp_BYJ8SgL3gEOy6tMO3Uk0AFHWDH4DteFTykOBwJg","#,
    r#""state":"nSgWQN-Jae49oaYdELsc0C2QOxJdTaIWgPe7jg_oYJc","#,
    r#""tried":{"asked":"none","once":0}}}"#
);

const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
