//! The least program of each that logs in: what is compiled for it, and how large it is.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::table::Column;

/// One of the packages in `programs`.
pub(crate) struct Program {
    package: &'static str,
    /// Whether it can have the features that a program has which says nothing about them.
    has_usual: bool,
}

/// Those that can be compared, since they speak HTTP by the same crate.
pub(crate) const BY_HTTP_CLIENT: [(&str, &[(Column, Program)]); 2] = [
    (
        "reqwest",
        &[
            (Column::Tokio, of("login-by-oauth-tokio")),
            (Column::Rmcp, of("login-by-rmcp")),
            (Column::OAuth2, of("login-by-oauth2-reqwest")),
        ],
    ),
    (
        "ureq",
        &[
            (Column::Blocking, of("login-by-oauth-blocking")),
            (Column::OAuth2, Program { package: "login-by-oauth2-ureq", has_usual: false }),
        ],
    ),
];

const fn of(package: &'static str) -> Program {
    Program { package, has_usual: true }
}

/// How many crates are compiled for it, apart from itself, on this system.
///
/// # Errors
///
/// That cargo does not say.
pub(crate) fn crates(program: &Program, usual: bool) -> Result<u64, String> {
    let mut arguments = vec!["tree", "--manifest-path", MANIFEST, "--package", program.package];
    if usual && program.has_usual {
        arguments.extend(["--features", "usual"]);
    }
    counted(&arguments)
}

/// The same without an HTTP client.
///
/// # Errors
///
/// That cargo does not say.
pub(crate) fn crates_alone() -> Result<[(Column, u64); 2], String> {
    let oauth2 = ["tree", "--manifest-path", MANIFEST, "--package", "login-by-oauth2-ureq"];
    let oauth2 = counted(&[&oauth2[..], &["--no-default-features"]].concat())?;
    let core = counted(&["tree", "--manifest-path", CORE, "--package", "oauth-core"])?;
    // A program has the core as well, and is not counted.
    Ok([(Column::Core, core + 1), (Column::OAuth2, oauth2)])
}

fn counted(arguments: &[&str]) -> Result<u64, String> {
    let rest = ["--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"];
    let tree = cargo(&[arguments, &rest].concat())?;
    let mut crates: Vec<_> = tree.lines().map(name_and_version).filter(|it| it.is_some()).collect();
    crates.sort_unstable();
    crates.dedup();
    Ok(crates.len().saturating_sub(1) as u64)
}

/// Without what cargo says about it besides.
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    words.next().zip(words.next())
}

/// The bytes of the program as users get it.
///
/// # Errors
///
/// That it cannot be built.
pub(crate) fn size(program: &Program) -> Result<u64, String> {
    let arguments = ["build", "--manifest-path", MANIFEST, "--package", program.package];
    let rest = ["--locked", "--release", "--message-format", "json"];
    let messages = cargo(&[&arguments[..], &rest].concat())?;
    let executable = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(str::to_owned)
    });
    let path = executable.ok_or_else(|| format!("cargo built no {}", program.package))?;
    fs::metadata(&path).map(|file| file.len()).map_err(|error| format!("{path}: {error}"))
}

fn cargo(arguments: &[&str]) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(arguments).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo {}: {said}", arguments.join(" ")));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");

const CORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../oauth-core/Cargo.toml");
