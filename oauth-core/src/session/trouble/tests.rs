use alloc::vec;

use super::*;
use crate::error::Unreachable;
use crate::http::Endpoint;

const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

fn at(seconds: u64) -> UnixTime {
    NOW + Duration::from_secs(seconds)
}

fn failure(pause: Option<u64>, counts: bool) -> Failure {
    Failure { status: 500, pause: pause.map(Duration::from_secs), counts }
}

#[test]
fn pauses_grow_to_ten_minutes_and_no_two_grants_come_back_together() {
    for (answers, least) in
        [(1, 5), (2, 15), (3, 45), (4, 135), (5, 405), (6, 600), (u16::MAX, 600)]
    {
        let pauses = [b"a", b"b", b"c", b"d"].map(|seed| grown(answers, seed, NOW));
        for pause in pauses {
            let (least, most) = (Duration::from_secs(least), Duration::from_secs(least) * 5 / 4);
            assert!((least..=most).contains(&pause), "{answers}: {pause:?}");
        }
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{answers}: {pauses:?}");
    }
}

#[test]
fn a_pause_that_the_server_names_is_kept_for_an_hour_at_most() {
    for (named, kept) in [(1, 1), (120, 120), (3600, 3600), (86_400, 3600), (u64::MAX, 3600)] {
        let trouble = Trouble::after(None, failure(Some(named), false), b"", NOW);
        assert_eq!(trouble.until, at(kept), "{named}");
        assert_eq!((trouble.pauses(NOW), trouble.pauses(at(kept))), (true, false));
    }
}

/// It is neither a pause nor a reason to ask again and again; nor does it count, since it is there.
#[test]
fn a_pause_of_nothing_is_none_that_is_named() {
    let error = Unreachable {
        endpoint: Endpoint::Token,
        url: "u".into(),
        status: Some(500),
        retry_after: None,
        obstacle: None,
    };
    for nothing in ["0", "00", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let response = Response::new(500, vec![]).with_header("retry-after", nothing);
        let found = Failure::of(&response, &error.clone().into(), NOW);
        assert_eq!(found.map(|it| (it.counts, it.pause)), Some((false, None)), "{nothing}");
    }
}

#[test]
fn a_clock_that_was_set_back_ends_a_pause() {
    let trouble = Trouble::after(None, failure(Some(120), false), b"", at(1000));
    assert!(trouble.pauses(at(1000)));
    assert!(!trouble.pauses(at(999)));
}

#[test]
fn a_grant_is_worn_out_after_four_answers_and_ten_minutes() {
    for (seconds, is_worn_out) in [
        (vec![0, 600], false),
        (vec![0, 5, 20], false),
        (vec![0, 5, 20, 65], false),
        (vec![0, 5, 20, 599], false),
        (vec![0, 5, 20, 600], true),
        (vec![0, 86_400, 172_800, 259_200], true),
    ] {
        let trouble = seconds.iter().fold(None, |before: Option<Trouble>, seconds| {
            Some(Trouble::after(before.as_ref(), failure(None, true), b"", at(*seconds)))
        });
        let last = seconds.last().copied().unwrap_or_default();
        assert_eq!(trouble.map(|it| it.is_worn_out(at(last))), Some(is_worn_out), "{seconds:?}");
    }
    // What does not count neither begins it nor ends it.
    let outage = (0..100).fold(None, |before: Option<Trouble>, minute| {
        Some(Trouble::after(before.as_ref(), failure(None, false), b"", at(60 * minute)))
    });
    assert_eq!(outage.map(|it| it.is_worn_out(at(86_400))), Some(false));
}

/// Else a grant would wait for years, to be called dead, that was troubled on a day when the clock was wrong.
#[test]
fn a_clock_that_was_set_back_puts_no_login_off() {
    let first = Trouble::after(None, failure(None, true), b"", at(1_000_000));
    let worn_out = [0, 5, 20, 600].into_iter().fold(first, |before, seconds| {
        Trouble::after(Some(&before), failure(None, true), b"", at(seconds))
    });
    assert!(worn_out.is_worn_out(at(600)));
}

#[test]
fn what_counts_is_what_a_server_also_says_that_never_renews() {
    use crate::error::{Malformed, Refusal};
    use crate::json::Defect;
    let refused = |code: &str| {
        let code = code.into();
        Error::from(Refusal { endpoint: Endpoint::Token, code, description: None, uri: None })
    };
    let malformed = |status| {
        let (endpoint, url, defect) =
            (Endpoint::Token, "u".into(), Defect::missing("access_token"));
        Error::from(Malformed { endpoint, url, status, defect })
    };
    let down = |status| {
        let (endpoint, url, status) = (Endpoint::Token, "u".into(), Some(status));
        Error::from(Unreachable { endpoint, url, status, retry_after: None, obstacle: None })
    };
    for (status, error, counts) in [
        (500, down(500), Some(true)),
        (501, down(501), Some(true)),
        (200, malformed(200), Some(true)),
        (400, refused("server_error"), Some(true)),
        (200, refused("server_error"), Some(true)),
        (408, down(408), Some(false)),
        (429, down(429), Some(false)),
        (502, down(502), Some(false)),
        (503, down(503), Some(false)),
        (504, down(504), Some(false)),
        (400, refused("temporarily_unavailable"), Some(false)),
        (400, refused("slow_down"), Some(false)),
        (400, refused("invalid_request"), None),
        (404, malformed(404), None),
        (302, malformed(302), None),
    ] {
        let response = Response::new(status, vec![]);
        let found = Failure::of(&response, &error, NOW).map(|failure| failure.counts);
        assert_eq!(found, counts, "{status} {error}");
        // Whatever it is, the server will be asked again.
        let response = Response::new(status, vec![]).with_header("retry-after", "9");
        let found = Failure::of(&response, &error, NOW).map(|it| (it.counts, it.pause));
        assert_eq!(found, Some((false, Some(Duration::from_secs(9)))), "{status} {error}");
    }
}

#[test]
fn what_is_written_is_read_again() {
    let trouble = Trouble::after(None, failure(None, true), b"", NOW);
    let json = serde_json::to_string(&trouble).unwrap_or_default();
    assert_eq!(serde_json::from_str(&json).ok(), Some(trouble));
}
