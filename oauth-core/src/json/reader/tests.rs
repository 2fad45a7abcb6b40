use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt::Debug;

use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::*;

/// Whatever derived readers ask for.
#[derive(Debug, PartialEq, Deserialize)]
struct Whole {
    number: u64,
    #[serde(default)]
    option: Option<i32>,
    #[serde(default)]
    list: Vec<Kind>,
    #[serde(default)]
    pair: (bool, Box<str>),
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
enum Kind {
    Unit,
    Newtype(f64),
    Tuple(u8, String),
    Struct { a: String },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Text(String),
    Number(i64),
    Nothing(()),
}

/// Both read it, or none does.
fn same<T: DeserializeOwned + PartialEq + Debug>(json: &str) -> Option<T> {
    let (ours, theirs) = (read_json(json).ok(), serde_json::from_str(json).ok());
    assert_eq!(ours, theirs, "{json}");
    ours
}

fn same_for_all(json: &str) {
    same::<Value>(json);
    same::<Whole>(json);
    same::<Vec<Kind>>(json);
    same::<Kind>(json);
    same::<Untagged>(json);
    same::<Option<BTreeMap<String, u8>>>(json);
    same::<[String; 2]>(json);
    let ignored = read_json::<IgnoredAny>(json).is_ok();
    assert_eq!(ignored, serde_json::from_str::<IgnoredAny>(json).is_ok(), "{json}");
}

#[test]
fn it_reads_what_serde_json_reads() {
    for json in GOOD {
        same_for_all(json);
        assert!(same::<Value>(json).is_some(), "{json}");
    }
    assert!(same::<Whole>(GOOD[0]).is_some_and(|it| it.list.len() == 5 && it.others.len() == 2));
}

#[test]
fn it_refuses_what_serde_json_refuses() {
    for json in BAD {
        same_for_all(json);
        assert_eq!(same::<Value>(json), None, "{json}");
    }
}

/// An array with the fields in their order was never written.
#[test]
fn an_array_is_no_object() {
    #[derive(Debug, Deserialize)]
    struct One {
        #[serde(rename = "one")]
        _one: u8,
    }
    assert!(read_json::<One>(r#"{"one":1}"#).is_ok());
    assert!(read_json::<One>("[1]").is_err() && serde_json::from_str::<One>("[1]").is_ok());
}

#[test]
fn it_goes_as_deep_as_serde_json() {
    for depth in [1, 126, 127, 128, 129, 100_000] {
        let lists = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let objects = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        for json in [lists, objects] {
            assert_eq!(read_json::<Value>(&json).is_ok(), depth <= 127);
            assert!(read_json::<IgnoredAny>(&json).is_ok(), "nothing is kept");
            assert_eq!(serde_json::from_str::<Value>(&json).is_ok(), depth <= 127);
        }
    }
}

/// What is open is kept in words of 64 bits: each of their edges, and each end, is looked at.
#[test]
fn what_is_skipped_ends_as_it_has_begun_however_deep_it_is() {
    for depth in (1..=4).chain(60..=67).chain(124..=131).chain(188..=195) {
        // Neither kind follows the other at the same places of two words.
        let is_object = |level: usize| level.is_multiple_of(3) || level % 7 == 2;
        let begin = |level| if is_object(level) { r#"{"a":"# } else { "[" };
        let begins: String = (0..depth).map(begin).collect();
        let ends: Vec<u8> =
            (0..depth).rev().map(|level| if is_object(level) { b'}' } else { b']' }).collect();
        let reads = |ends: &[u8]| {
            let json = format!("{begins}0{}", String::from_utf8_lossy(ends));
            let reads = read_json::<IgnoredAny>(&json).is_ok();
            assert_eq!(reads, serde_json::from_str::<IgnoredAny>(&json).is_ok(), "{json}");
            reads
        };
        assert!(reads(&ends), "{depth}");
        assert!(!reads(&ends[1..]) && !reads(&[&ends[..], b"]"].concat()), "{depth}");
        for at in 0..depth {
            let mut ends = ends.clone();
            ends[at] ^= b']' ^ b'}';
            assert!(!reads(&ends), "{depth}, the end {at}");
        }
    }
}

#[test]
fn an_error_says_where_and_nothing_of_what_stands_there() {
    let error = read_json::<Whole>(r#"{"number":"secret"}"#).err();
    assert_eq!(error, Some(Unreadable { at: 10 }));
    assert_eq!(
        error.map(|it| it.to_string()).as_deref(),
        Some("the JSON text cannot be read from its byte 10 on")
    );
    assert_eq!(read_json::<u8>("1 1"), Err(Unreadable { at: 2 }));
}

proptest! {
    /// Good texts with one byte changed, taken out or doubled.
    #[test]
    fn it_reads_spoilt_texts_as_serde_json_does(
        which in 0..GOOD.len(),
        at in any::<prop::sample::Index>(),
        byte in prop::sample::select(br#"{}[]":,\u0e.-+19tfn "#.to_vec()),
        how in 0..3_u8,
    ) {
        let mut bytes = GOOD[which].as_bytes().to_vec();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => { bytes.remove(at); }
            _ => bytes.insert(at, byte),
        }
        if let Ok(json) = core::str::from_utf8(&bytes) {
            same_for_all(json);
        }
    }
}

const GOOD: &[&str] = &[
    r#"{ "number" : 18446744073709551615,
        "option":-5, "list":["Unit",{"Unit":null},{"Newtype":1.5e3},{"Tuple":[1,"\u0041\n"]},{"Struct":{"a":""}}],
        "pair":[true,"ü\\\ud83d\ude00"], "other":{"a":[null,false,0,-0,0.1,1e-7,-3]}, "\u006fne":[] }"#,
    r#"{"number":0,"option":null}"#,
    r#"["Unit","Unit"]"#,
    r#"{"Struct":{"a":"b","c":[{}]}}"#,
    r#"{"Newtype":2}"#,
    r#"{"a":255,"b":0}"#,
    r#"{"a":256}"#,
    "[]",
    "{}",
    "null",
    " -9223372036854775808 ",
    "-9223372036854775809",
    "18446744073709551616",
    "123456789012345678901234567890",
    r#""text""#,
    r#""\"\/\b\f\t\r""#,
];

const BAD: &[&str] = &[
    "",
    " ",
    "{",
    "[",
    "\"",
    "\"\\",
    "\"\\\"",
    "[1,]",
    "[,1]",
    "[1 1]",
    "{\"a\":1,}",
    "{,}",
    "{1:2}",
    "{\"a\" 1}",
    "{\"a\"}",
    "{null:1}",
    "01",
    "-",
    "-01",
    "1.",
    ".5",
    "+1",
    "1e",
    "1e999",
    "NaN",
    "nul",
    "truefalse",
    "tru",
    "1-1",
    "\"\u{1}\"",
    "\"\n\"",
    "\"\\x\"",
    "\"\\ud800\"",
    "\"\\u12\"",
    "]",
    "}",
    "[}",
    "{]",
    "1 1",
    "[[]",
    "\u{feff}1",
];

/// Texts are looked through eight bytes at a time.
#[test]
fn the_end_of_a_text_is_found_wherever_it_is() {
    for length in 0..20 {
        for special in
            ["\"", "\\\"", "\\u00e9", "\\ud800", "\\x", "\u{1}", "\u{7f}", "é", "!", "#", "["]
        {
            for at in 0..=length {
                let text = format!("{}{special}{}", "a".repeat(at), "b".repeat(length - at));
                same_for_all(&format!("\"{text}\""));
                same_for_all(&format!("[\"{text}\",\"{text}\"]"));
            }
        }
    }
}
