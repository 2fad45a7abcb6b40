//! What is read from `WWW-Authenticate`, written in the plainest way, reads the same; the challenge that
//! is chosen is the one that the documentation says; and both cost no more than the field is long.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_core::wire::{Challenge, ResourceChallenge, challenges};
use oauth_fuzz::{assert_survives, select};

type Read = (String, Option<String>, Vec<(String, String)>);

fn read(value: &str) -> Vec<Read> {
    let params = |it: &Challenge<'_>| it.params().map(|(n, v)| (n.into(), v.into())).collect();
    challenges(value)
        .map(|it| (it.scheme().into(), it.token68().map(Into::into), params(&it)))
        .collect()
}

fn write((scheme, token68, params): &Read) -> String {
    let quoted = |text: &String| text.replace('\\', "\\\\").replace('"', "\\\"");
    let params = params.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value)));
    let inside: Vec<_> = token68.iter().cloned().chain(params).collect();
    format!("{scheme} {}", inside.join(","))
}

fuzz_target!(|text: &str| {
    for line in text.lines() {
        let found = read(line);
        let pieces = |(_, token68, params): &Read| 1 + token68.iter().len() + params.len();
        assert!(found.iter().map(pieces).sum::<usize>() <= line.len());
        assert_eq!(read(&found.iter().map(write).collect::<Vec<_>>().join(", ")), found);
    }
    let chosen = ResourceChallenge::select(text.lines());
    assert_eq!(chosen, select(text));
    chosen.iter().for_each(assert_survives);
});
