//! Which challenge counts, by what the documentation says and nothing else.

use oauth_core::wire::{Challenge, ResourceChallenge, Scheme, challenges};
use oauth_core::{Scopes, SigningAlgorithm};

/// The first value that is not empty, of all challenges that count as this scheme.
fn first(lines: &[Challenge<'_>], counts: impl Fn(&str) -> bool, name: &str) -> Option<String> {
    let own = lines.iter().filter(|it| counts(&it.scheme().to_lowercase()));
    let values = own.flat_map(Challenge::params).filter(|(own, _)| own.eq_ignore_ascii_case(name));
    values.map(|(_, value)| value.into_owned()).find(|value| !value.is_empty())
}

/// What [`ResourceChallenge::select`] has to find in these lines.
pub fn select(text: &str) -> Option<ResourceChallenge> {
    let all: Vec<_> = text.lines().flat_map(challenges).collect();
    let has = |name: &str| all.iter().any(|it| it.scheme().eq_ignore_ascii_case(name));
    let value = |own: &str, name| first(&all, |it| it == own, name);
    let metadata = value("bearer", METADATA).or_else(|| value("dpop", METADATA));
    let metadata =
        metadata.or_else(|| first(&all, |it| !matches!(it, "bearer" | "dpop"), METADATA));
    let (scheme, own) = match (has("bearer"), has("dpop"), &metadata) {
        (true, ..) => (Scheme::Bearer, "bearer"),
        (_, true, _) => (Scheme::Dpop, "dpop"),
        (.., Some(_)) => (Scheme::Other, "(none)"),
        _ => return None,
    };
    let scope = value(own, "scope");
    let scopes = scope.as_deref().and_then(Scopes::parse).unwrap_or_default();
    let asked = scope.iter().flat_map(|text| text.split(' '));
    let is_whole = asked.into_iter().all(|token| token.is_empty() || scopes.contains(token));
    let alike = if is_whole { "Bearer" } else { "Bearer scope=\"\u{fc}\"" };
    let mut chosen = ResourceChallenge::select([alike])?;
    chosen.scheme = scheme;
    chosen.resource_metadata = metadata.map(Into::into);
    chosen.scope = (!scopes.as_str().is_empty()).then_some(scopes);
    let algorithms = value("dpop", "algs");
    chosen.dpop_algorithms =
        algorithms.map(|text| text.split(' ').filter_map(SigningAlgorithm::from_name).collect());
    chosen.error = value(own, "error").map(Into::into);
    chosen.error_description = value(own, "error_description").map(Into::into);
    Some(chosen)
}

const METADATA: &str = "resource_metadata";
