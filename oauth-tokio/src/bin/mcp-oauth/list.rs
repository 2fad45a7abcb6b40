//! `list`: all logins.

use std::io::{self, Write as _};

use clap::Args;
use oauth_tokio::{Plain, StoredGrant, UnixTime};
use serde_json::{Value, json};

use crate::home::{APPLICATION, Home};
use crate::outcome::Failure;
use crate::time::{duration, now};

/// Show all logins
#[derive(Debug, Args)]
pub(crate) struct List {
    /// As a JSON array, without secrets
    #[arg(long)]
    json: bool,
}

impl List {
    pub(crate) async fn run(self, home: &Home) -> Result<(), Failure> {
        let mut grants = home.logins().await?;
        grants.sort_by(|a, b| {
            let order = |it: &StoredGrant| (it.key.server_url.clone(), it.key.profile.clone());
            order(a).cmp(&order(b))
        });
        let mut out = io::stdout().lock();
        if self.json {
            let all: Vec<Value> = grants.iter().map(in_json).collect();
            writeln!(out, "{:#}", Value::Array(all))?;
        } else if grants.is_empty() {
            writeln!(out, "There are no logins: `{APPLICATION} login URL` makes one.")?;
        } else {
            write!(out, "{}", table(&grants, now()))?;
        }
        Ok(())
    }
}

fn in_json(grant: &StoredGrant) -> Value {
    json!({
        "server_url": grant.key.server_url,
        "profile": grant.key.profile,
        "issuer": grant.issuer,
        "scope": grant.scopes.as_ref().map(ToString::to_string),
        "expires_at": grant.expires_at.map(UnixTime::as_secs),
        "is_refreshable": grant.has_refresh_token,
        "refused_at": grant.refused_at.map(UnixTime::as_secs),
    })
}

/// As wide as what is in it.
fn table(grants: &[StoredGrant], now: UnixTime) -> String {
    let shown = |text: &str| Plain(text).to_string();
    let mut rows = vec![["SERVER", "PROFILE", "ISSUER", "SCOPES", "TOKEN"].map(String::from)];
    rows.extend(grants.iter().map(|grant| {
        [
            shown(&grant.key.server_url),
            shown(&grant.key.profile),
            shown(&grant.issuer),
            grant.scopes.as_ref().map_or_else(|| "-".into(), |it| shown(it.as_str())),
            state(grant, now),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..5).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

fn state(grant: &StoredGrant, now: UnixTime) -> String {
    let is_expired = grant.expires_at.is_some_and(|at| at <= now);
    match (grant.refused_at, is_expired, grant.has_refresh_token) {
        (Some(_), ..) => "refused: log in again".into(),
        (None, true, false) => "expired: log in again".into(),
        (None, true, true) => "renewed when it is used".into(),
        (None, false, _) => grant.expires_at.map_or("no end known".into(), |at| duration(at, now)),
    }
}
