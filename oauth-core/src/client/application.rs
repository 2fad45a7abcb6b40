//! The program's name for the store, where the host has set none.

use alloc::boxed::Box;
use std::path::Path;

/// The name of an executable, without what may be another in the next version. Empty if it has none.
pub(super) fn of_path(path: &Path) -> Box<str> {
    let Some(name) = path.file_name() else { return "".into() };
    let name = name.to_string_lossy();
    // Linux says so of a file that was replaced while it runs, as every upgrade does.
    let name = name.strip_suffix(" (deleted)").unwrap_or(&name);
    let is_exe = |end: &str| end.eq_ignore_ascii_case(".exe");
    let end = name.len().checked_sub(4).filter(|at| name.get(*at..).is_some_and(is_exe));
    let name = &name[..end.unwrap_or(name.len())];
    let separators = name.match_indices(['-', '_', ' ']).map(|(at, _)| at);
    let version = separators.filter(|at| *at > 0).find(|at| is_version(&name[at + 1..]));
    name[..version.unwrap_or(name.len())].into()
}

/// Whether a text begins with numbers that have a point between them, as names alone do not.
fn is_version(text: &str) -> bool {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let mut rest_after_point = rest.strip_prefix('.').unwrap_or_default().chars();
    rest.len() < text.len() && rest_after_point.next().is_some_and(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_endings_are_no_part_of_the_name() {
        for (path, expected) in [
            ("foo", "foo"),
            ("/usr/bin/foo-1.2.3", "foo"),
            ("/opt/foo_v1.2/foo_v1.2-beta.1", "foo"),
            ("foo-1.2.3-x86_64-unknown-linux-gnu", "foo"),
            ("Foo 2.0.EXE", "Foo"),
            ("foo-1.2.3.exe", "foo"),
            ("/usr/bin/foo-1.2.3 (deleted)", "foo"),
            ("/usr/bin/foo (deleted)", "foo"),
            ("foo.bar", "foo.bar"),
            ("foo-bar-2", "foo-bar-2"),
            ("mcp-2025-client", "mcp-2025-client"),
            ("-1.2", "-1.2"),
            ("b\u{fc}cher-1.0", "b\u{fc}cher"),
            ("\u{fc}xe", "\u{fc}xe"),
            ("/", ""),
        ] {
            assert_eq!(&*of_path(path.as_ref()), expected, "{path}");
        }
    }
}
