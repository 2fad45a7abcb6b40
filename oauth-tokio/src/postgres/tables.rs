//! The tables, and what they are called.

/// The tables, as statements that do nothing where they are there already. A host runs them once, with its own tool for
/// migrations; [`Tables::migration`] is the same with other names.
///
/// `app`, `profile` and `server_url` are bytes of UTF-8, because texts of PostgreSQL cannot hold all of them; people
/// read them with `convert_from(profile, 'UTF8')`.
pub const MIGRATION: &str = "\
-- One row for each grant, and for each client that is shared by profiles.
create table if not exists mcp_oauth_grant (
  id bytea primary key,
  kind smallint not null,
  app bytea not null,
  profile bytea not null,
  server_url bytea not null,
  generation bigint not null check (generation > 0),
  format int not null,
  key_id text,
  body bytea not null,
  changed timestamptz not null default now()
);
create index if not exists mcp_oauth_by_app on mcp_oauth_grant (sha256(app), id);
create index if not exists mcp_oauth_by_profile on mcp_oauth_grant (sha256(app), sha256(profile), id);

-- Who refreshes, or logs somebody in.
create table if not exists mcp_oauth_lease (
  id bytea not null,
  kind smallint not null,
  owner uuid not null,
  until timestamptz not null,
  spending timestamptz,
  primary key (id, kind)
);

-- Logins that wait for their user.
create table if not exists mcp_oauth_login (
  id bytea primary key,
  body bytea not null,
  until timestamptz not null
);

-- Rows of the first table that could not be read.
create table if not exists mcp_oauth_damaged (
  number bigint generated always as identity primary key,
  id bytea not null,
  kind smallint not null,
  app bytea not null,
  profile bytea not null,
  server_url bytea not null,
  generation bigint not null,
  format int not null,
  key_id text,
  body bytea not null,
  changed timestamptz not null,
  found timestamptz not null default now()
);
";

/// What the tables are called: `mcp_oauth_grant`, `mcp_oauth_lease`, `mcp_oauth_login` and `mcp_oauth_damaged` in the
/// schemas of the role's `search_path`, if nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    schema: Option<Box<str>>,
    prefix: Box<str>,
}

/// A name that tables cannot have here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name for tables: 1 to {LONGEST_NAME} of a-z, 0-9 and _, beginning with a letter"
)]
pub struct InvalidName(Box<str>);

impl Default for Tables {
    fn default() -> Self {
        Self { schema: None, prefix: PREFIX.into() }
    }
}

impl Tables {
    /// In this schema, whatever the `search_path` is. It has to be there.
    ///
    /// # Errors
    ///
    /// An [`InvalidName`]: 1 to 40 of `a`-`z`, `0`-`9` and `_`, beginning with a letter.
    pub fn in_schema(self, schema: &str) -> Result<Self, InvalidName> {
        Ok(Self { schema: Some(checked(schema)?), ..self })
    }

    /// With something else in place of `mcp_oauth`.
    ///
    /// # Errors
    ///
    /// An [`InvalidName`], as [`in_schema`](Self::in_schema).
    pub fn with_prefix(self, prefix: &str) -> Result<Self, InvalidName> {
        Ok(Self { prefix: checked(prefix)?, ..self })
    }

    /// [`MIGRATION`] for tables of these names. It does not make the schema.
    #[must_use]
    pub fn migration(&self) -> String {
        let mut text = MIGRATION.to_owned();
        for table in [GRANT, LEASE, LOGIN, DAMAGED] {
            text = text.replace(&format!("{PREFIX}_{table}"), &self.name(table));
        }
        // An index is in the schema of its table.
        text.replace(&format!("{PREFIX}_by"), &format!("{}_by", self.prefix))
    }

    /// In quotation marks, so that a name may be a word of SQL.
    pub(super) fn name(&self, table: &str) -> String {
        let table = format!("\"{}_{table}\"", self.prefix);
        match &self.schema {
            Some(schema) => format!("\"{schema}\".{table}"),
            None => table,
        }
    }

    /// The same to be shown.
    pub(super) fn shown(&self, table: &str) -> String {
        self.name(table).replace('"', "")
    }
}

fn checked(name: &str) -> Result<Box<str>, InvalidName> {
    let is_allowed = |letter| matches!(letter, 'a'..='z' | '0'..='9' | '_');
    let begins = name.starts_with(|letter: char| letter.is_ascii_lowercase());
    if begins && name.len() <= LONGEST_NAME && name.chars().all(is_allowed) {
        Ok(name.into())
    } else {
        Err(InvalidName(name.into()))
    }
}

const PREFIX: &str = "mcp_oauth";
pub(super) const GRANT: &str = "grant";
pub(super) const LEASE: &str = "lease";
pub(super) const LOGIN: &str = "login";
pub(super) const DAMAGED: &str = "damaged";

/// In bytes. PostgreSQL cuts names off after 63, and something follows this one.
const LONGEST_NAME: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let long = "a".repeat(41);
        for name in ["", "_a", "1a", "A", "a-b", "a.b", "a\"b", "a b", "ä", "a\0", &long] {
            let error = Tables::default().with_prefix(name).expect_err(name);
            assert!(error.to_string().contains("no name for tables"), "{error}");
            assert!(Tables::default().in_schema(name).is_err(), "{name}");
        }
        let tables = Tables::default().in_schema("user").and_then(|it| it.with_prefix("acme_2"));
        let tables = tables.expect("well-formed");
        assert_eq!(tables.name(GRANT), r#""user"."acme_2_grant""#);
        assert_eq!(tables.shown(GRANT), "user.acme_2_grant");
    }

    #[test]
    fn the_migration_has_the_names() {
        let tables = Tables::default().in_schema("auth").and_then(|it| it.with_prefix("acme"));
        let text = tables.expect("well-formed").migration();
        assert!(!text.contains(PREFIX), "{text}");
        let index = r#"create index if not exists acme_by_app on "auth"."acme_grant" ("#;
        assert!(text.contains(index), "{text}");
        let plain = Tables::default().migration().replace('"', "");
        assert_eq!(plain, MIGRATION);
    }
}
