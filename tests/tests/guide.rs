//! The documents that people read: each chapter of the guide is listed wherever it is looked for, says whom it is for, and
//! ends with where to read on; and no link leads nowhere. Their code is tested where it is compiled, in `oauth-tokio`.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use oauth_tokio::AuthConfig;

/// The top of the repository.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

fn guide() -> PathBuf {
    top().join("oauth-tokio/src/guide")
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

/// The chapters that there are, by name, with their text.
fn chapters() -> Vec<(String, String)> {
    let files = fs::read_dir(guide()).unwrap().map(|entry| entry.unwrap().path());
    let chapters = files.filter(|path| path.extension().is_some_and(|it| it == "md"));
    let mut chapters: Vec<_> = chapters
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), read(&path)))
        .filter(|(name, _)| name != "README")
        .collect();
    chapters.sort();
    assert!(chapters.len() >= 13, "{}", chapters.len());
    chapters
}

#[test]
fn each_chapter_says_whom_it_is_for_and_where_to_read_on() {
    for (name, text) in chapters() {
        let paragraphs: Vec<_> = text.split("\n\n").collect();
        assert!(paragraphs[0].starts_with("# "), "{name} has no title");
        assert!(paragraphs[1].starts_with("For you if "), "{name} does not say whom it is for");
        let (_, end) = text.rsplit_once("\n## ").unwrap();
        assert!(end.starts_with("Read on\n"), "{name} ends with {end}");
        assert!(end.contains("]: "), "{name} leads nowhere");
    }
}

#[test]
fn each_chapter_is_listed() {
    let names: BTreeSet<_> = chapters().into_iter().map(|(name, _)| name).collect();
    let code = read(top().join("oauth-tokio/src/guide.rs"));
    let (_, list) = code.split_once("chapters! {\n").unwrap();
    let modules = list.lines().filter_map(|line| Some(line.split_once(": ")?.0.trim().to_owned()));
    assert_eq!(modules.collect::<BTreeSet<_>>(), names, "the modules");

    let links = read(guide().join("links.txt"));
    let links = links.lines().map(|line| {
        let (name, path) = line.split_once(": ").unwrap();
        let name = name.trim_matches(['[', ']']).to_owned();
        assert_eq!(path, format!("crate::guide::{name}"));
        name
    });
    assert_eq!(links.collect::<BTreeSet<_>>(), names, "the links of the documentation");

    let (index, readme) = (read(guide().join("README.md")), read(top().join("README.md")));
    for name in &names {
        assert!(index.contains(&format!("\n[{name}]: {name}.md\n")), "{name} is not in the index");
        let link = format!("](oauth-tokio/src/guide/{name}.md) | ");
        assert!(readme.contains(&link), "{name} is not in the table of the README");
    }
}

/// Where a link leads, if it is neither a page elsewhere nor a place in the same one.
fn leads_to(link: &str) -> Option<&str> {
    let path = link.split('#').next()?;
    let is_file = !path.is_empty() && !path.contains(':');
    is_file.then_some(path)
}

/// What links say, those with a text of their own and those by name; none of what is between backquotes.
fn links(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        is_code ^= line.starts_with("```");
        if is_code {
            continue;
        }
        if let Some((_, path)) = line.strip_prefix('[').and_then(|line| line.split_once("]: ")) {
            found.push(path.to_owned());
        }
        for (before, after) in line.match_indices("](").map(|(at, _)| line.split_at(at)) {
            if before.matches('`').count() % 2 == 0 {
                found.push(after[2..].split(')').next().unwrap().to_owned());
            }
        }
    }
    found
}

#[test]
fn no_link_leads_nowhere() {
    let mut documents: Vec<_> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "tests/README.md"]
            .map(|name| top().join(name))
            .into();
    documents.extend(chapters().iter().map(|(name, _)| guide().join(format!("{name}.md"))));
    documents.push(guide().join("README.md"));
    let mut seen = 0;
    for document in documents {
        for link in links(&read(&document)) {
            let Some(path) = leads_to(&link) else { continue };
            let target = document.parent().unwrap().join(path);
            assert!(target.exists(), "{} links to {path}", document.display());
            seen += 1;
        }
    }
    assert!(seen > 300, "{seen}");
}

/// What the chapters tell people to type behind `--set`.
#[test]
fn the_settings_that_are_typed_can_be_read() {
    let mut seen = 0;
    for (name, text) in chapters() {
        for (_, rest) in text.match_indices("--set ").map(|(at, it)| text.split_at(at + it.len())) {
            let typed = match rest.strip_prefix('\'') {
                Some(quoted) => quoted.split('\'').next().unwrap(),
                None => rest.split([' ', '`']).next().unwrap(),
            };
            if typed == "NAME=VALUE" {
                continue;
            }
            let (setting, value) = typed.split_once('=').unwrap();
            let read = AuthConfig::setting(setting, value);
            assert!(read.is_ok(), "{name}: {typed}: {read:?}");
            seen += 1;
        }
    }
    assert!(seen > 12, "{seen}");
}

/// The table of the specification says where code and tests are.
#[test]
fn what_the_coverage_names_exists() {
    let readme = read(top().join("tests/README.md"));
    let (_, rest) = readme.split_once("\n## Specification coverage\n").unwrap();
    let (table, _) = rest.split_once("\n## ").unwrap();
    let mut seen = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<_> = row.split(" | ").collect();
        let [_, code, tests] = cells[..] else { panic!("{row}") };
        for (cell, place) in [(code, "oauth-core/src"), (tests, "tests/tests")] {
            for path in cell.split('`').skip(1).step_by(2) {
                assert!(top().join(place).join(path).exists(), "{place}/{path}");
                seen += 1;
            }
        }
    }
    assert!(seen > 80, "{seen}");
}
