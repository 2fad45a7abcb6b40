//! Which name was meant.

use alloc::vec::Vec;

/// Of the known names the one that is nearest to this, if any is near: a third of its letters may be wrong, and case
/// and what joins words do not count (`clientId`, `CLIENT-ID`). Else one in which all of it stands: `issuer` in
/// `client_issuer`.
pub(crate) fn nearest(
    name: &str,
    known: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    let wanted = letters(name);
    let mut containing = None;
    let near = known.filter_map(|candidate| {
        let letters = letters(candidate);
        if wanted.len() >= MIN_PART && letters.windows(wanted.len()).any(|part| part == wanted) {
            containing.get_or_insert(candidate);
        }
        let distance = distance(&wanted, &letters);
        (3 * distance <= wanted.len().max(letters.len())).then_some((distance, candidate))
    });
    let near = near.min_by_key(|(distance, _)| *distance);
    near.map(|(_, candidate)| candidate).or(containing)
}

fn letters(name: &str) -> Vec<char> {
    name.chars()
        .filter(|char| char.is_alphanumeric())
        .map(|char| char.to_ascii_lowercase())
        .collect()
}

/// How many letters have to be added, left out, replaced, or swapped with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let (mut before_last, mut last) = (Vec::new(), (0..=b.len()).collect::<Vec<_>>());
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let mut least = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before_last[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = core::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Of fewer letters there is too much in other names.
const MIN_PART: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_single_mistakes() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("scope", "scope", 0),
            ("scopes", "scope", 1),
            ("scpoe", "scope", 1),
            ("sope", "scope", 1),
            ("skope", "scope", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(&letters(a), &letters(b)), expected, "{a} {b}");
            assert_eq!(distance(&letters(b), &letters(a)), expected, "{b} {a}");
        }
    }

    #[test]
    fn the_nearest_name_is_found_if_it_is_near() {
        let known = ["client_id", "client_issuer", "client_secret", "scope", "private_hosts"];
        for (name, expected) in [
            ("clientid", Some("client_id")),
            ("clientId", Some("client_id")),
            ("CLIENT-ID", Some("client_id")),
            ("client_sercet", Some("client_secret")),
            ("scopes", Some("scope")),
            ("private_host", Some("private_hosts")),
            ("issuer", Some("client_issuer")),
            ("secret", Some("client_secret")),
            ("id", None),
            ("", None),
            ("timeout", None),
            ("größe", None),
        ] {
            assert_eq!(nearest(name, known.into_iter()), expected, "{name}");
        }
    }
}
