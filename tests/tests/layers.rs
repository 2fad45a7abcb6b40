//! Which part of the core may name which: read from its sources, so that a picture in a document cannot go stale.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The floors, from the ground up. What stands on one may name what stands on the same or below, and nothing above.
const FLOORS: [&[&str]; 7] = [
    &[
        "address",
        "address_policy",
        "auth_method",
        "entropy",
        "error",
        "form",
        "http",
        "http_date",
        "interop",
        "json",
        "keys",
        "plain",
        "policy",
        "profile",
        "redirect",
        "scope",
        "secret",
        "signing_algorithm",
        "time",
        "timeline",
        "tolerance",
        "url",
        "written",
    ],
    &["wire"],
    &["flow"],
    &["session"],
    &["seal"],
    &["loopback"],
    &["client"],
];

/// Rooms in which no two files need each other, nor two folders.
const WITHOUT_CIRCLES: [&str; 4] = ["client", "flow", "session", "wire"];

#[test]
fn nothing_names_what_stands_above_it() {
    let floor_of = |module: &str| FLOORS.iter().position(|floor| floor.contains(&module));
    let mut wrong = Vec::new();
    for (file, text) in sources(&core()) {
        let Some(module) = file.split('/').next().map(|it| it.trim_end_matches(".rs")) else {
            continue;
        };
        if module == "lib" {
            continue;
        }
        let floor = floor_of(module);
        assert!(floor.is_some(), "{module} stands on no floor");
        for path in named(&module_of(&file), &text) {
            let other = path.split("::").next().unwrap_or_default();
            if floor_of(other) > floor {
                wrong.push(format!("{file} names {path}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_two_files_of_a_room_need_each_other() {
    for room in WITHOUT_CIRCLES {
        let graph = graph(room);
        assert!(graph.len() > 10, "{room} was not read");
        for file in graph.keys() {
            let path = way_back(&graph, file);
            assert!(path.is_none(), "a circle in {room}: {path:?}");
        }
        let folders = by_folder(&graph);
        for folder in folders.keys() {
            let path = way_back(&folders, folder);
            assert!(path.is_none(), "a circle of folders in {room}: {path:?}");
        }
    }
}

/// Not even the layer that adapters share, which is over std: their `Host` does all of it.
#[test]
fn nothing_asks_the_operating_system() {
    let asks = [
        "::now()",
        ".elapsed()",
        "RandomState",
        "std::env",
        "std::fs",
        "std::net",
        "std::process",
        "std::thread::",
        "Condvar",
        "Entropy::from_os",
    ];
    let asks_for = |code: &str| asks.into_iter().find(|it| code.contains(it));
    let sources = sources(&core());
    let found = sources.iter().filter_map(|(file, text)| Some((file, asks_for(&code(text))?)));
    assert_eq!(found.collect::<Vec<_>>(), []);
    assert_eq!(asks_for("let begun = Instant::now();"), Some("::now()"));
}

/// What it would not see would not be there.
#[test]
fn a_circle_and_a_look_upward_are_seen() {
    let graph = BTreeMap::from([
        ("a".to_owned(), BTreeSet::from(["b".to_owned()])),
        ("b".to_owned(), BTreeSet::from(["c".to_owned()])),
        ("c".to_owned(), BTreeSet::from(["b".to_owned()])),
    ]);
    assert_eq!(way_back(&graph, "a"), None);
    assert_eq!(way_back(&graph, "b"), Some(vec!["b".into(), "c".into(), "b".into()]));
    let text =
        "use crate::flow::{\n    Flow, machine::{State, Step},\n};\nfn f() { crate::wire::g() }";
    let found = ["flow::Flow", "flow::machine::State", "flow::machine::Step", "wire::g"];
    assert_eq!(named("wire::token", text), found.map(str::to_owned).into());
    let text =
        "use super::{pages, rows::Key};\nuse super::super::json::read;\npub(super) fn f() {}";
    let found = ["client::storage::pages", "client::storage::rows::Key", "client::json::read"];
    assert_eq!(named("client::storage::file", text), found.map(str::to_owned).into());
    let graph = BTreeMap::from([
        ("a/one".to_owned(), BTreeSet::from(["b".to_owned(), "a/two".to_owned()])),
        ("b".to_owned(), BTreeSet::from(["a/two".to_owned()])),
    ]);
    assert_eq!(way_back(&graph, "a/one"), None);
    let folders = by_folder(&graph);
    assert_eq!(way_back(&folders, "a"), Some(vec!["a".into(), "b".into(), "a".into()]));
}

/// Which file of a room names which, other than its own children.
fn graph(room: &str) -> BTreeMap<String, BTreeSet<String>> {
    let files = sources(&core().join(room));
    let names: BTreeSet<_> = files.iter().map(|(file, _)| name_of(file)).collect();
    let exported = exports(&files);
    let mut graph = BTreeMap::new();
    for (file, text) in &files {
        let from = name_of(file);
        if from == "mod" {
            continue;
        }
        let named = named(&format!("{room}::{}", module_of(file)), text);
        let inside = named.iter().filter_map(|path| path.strip_prefix(&format!("{room}::")));
        let others = inside.filter_map(|path| {
            let parts: Vec<_> = path.split("::").collect();
            let longest = (1..=parts.len()).rev().map(|length| parts[..length].join("/"));
            let file = longest.into_iter().find(|it| names.contains(it.as_str()));
            file.or_else(|| exported.get(parts[0]).cloned())
        });
        graph.insert(from.to_owned(), others.filter(|it| it != from).collect());
    }
    graph
}

/// The same between what stands in the room itself: files, and folders as a whole.
fn by_folder(graph: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    let folder_of = |file: &str| file.split('/').next().unwrap_or_default().to_owned();
    let mut folders = BTreeMap::<_, BTreeSet<_>>::new();
    for (file, others) in graph {
        let from = folder_of(file);
        let others = others.iter().map(|other| folder_of(other)).filter(|it| *it != from);
        folders.entry(from.clone()).or_default().extend(others);
    }
    folders
}

/// A file's name in its room; the front door of a folder has that of the folder.
fn name_of(file: &str) -> &str {
    let name = file.trim_end_matches(".rs");
    name.strip_suffix("/mod").unwrap_or(name)
}

/// The path of what a file contains.
fn module_of(file: &str) -> String {
    name_of(file).replace('/', "::")
}

/// Which file an item comes from that the room's front door re-exports.
fn exports(files: &[(String, String)]) -> BTreeMap<String, String> {
    let door = files.iter().find(|(file, _)| file == "mod.rs").map_or("", |(_, text)| text);
    let mut exports = BTreeMap::new();
    for statement in door.split(';') {
        let Some((_, path)) = statement.split_once("use ") else { continue };
        for path in leaves("", path) {
            if let Some((file, item)) = path.rsplit_once("::") {
                exports.insert(item.to_owned(), file.replace("::", "/"));
            }
        }
    }
    exports
}

/// The shortest way from a file over others back to itself.
fn way_back(graph: &BTreeMap<String, BTreeSet<String>>, start: &str) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in graph.get(way.last()?).into_iter().flatten() {
                let way = [way.clone(), vec![next.clone()]].concat();
                if next == start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}

/// A source, tests and comments left out.
fn code(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The paths below `crate` that the source of this module names, also from where it stands itself.
fn named(module: &str, text: &str) -> BTreeSet<String> {
    let code = code(text);
    let mut paths = BTreeSet::new();
    for (at, _) in code.match_indices("super::") {
        if !code[..at].ends_with("::") {
            let rest = &code[at..];
            paths.extend(leaves("", &rest[..end_of_path(rest)]).iter().map(|it| from(module, it)));
        }
    }
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with("$") {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let end = end_of_path(rest);
        paths.extend(leaves("", &rest[..end]));
    }
    paths
}

/// What a path that begins with `super` names in this module.
fn from(mut module: &str, mut path: &str) -> String {
    while let Some(rest) = path.strip_prefix("super::") {
        module = module.rsplit_once("::").map_or("", |(above, _)| above);
        path = rest;
    }
    format!("{module}::{path}").trim_start_matches("::").to_owned()
}

/// Where a path ends, which may have braces in it.
fn end_of_path(text: &str) -> usize {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' if text[..at].ends_with("::") || depth > 0 => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' if depth > 1 => depth -= 1,
            letter if depth > 0 || letter.is_alphanumeric() || "_:".contains(letter) => {}
            _ => return at,
        }
    }
    text.len()
}

/// All paths of one that may have braces in it.
fn leaves(before: &str, path: &str) -> Vec<String> {
    let path = path.trim();
    let Some((head, rest)) = path.split_once('{') else {
        let path = path.split(" as ").next().unwrap_or_default().trim_end_matches(':');
        return vec![format!("{before}{path}")];
    };
    let before = format!("{before}{head}");
    let inner = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut start, mut all) = (0, 0, Vec::new());
    for (at, letter) in inner.char_indices().chain([(inner.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inner[start..at].trim().is_empty() {
                    all.extend(leaves(&before, &inner[start..at]));
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    all
}

fn core() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../oauth-core/src")
}

/// All sources below a folder but tests, by their paths in it.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        let entries = fs::read_dir(&next).unwrap_or_else(|e| panic!("{}: {e}", next.display()));
        for path in entries.map(|entry| entry.unwrap_or_else(|e| panic!("{e}")).path()) {
            let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            let name = name.replace('\\', "/");
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.contains("tests") {
                files.push((name, fs::read_to_string(&path).unwrap_or_else(|e| panic!("{e}"))));
            }
        }
    }
    files.sort();
    files
}
