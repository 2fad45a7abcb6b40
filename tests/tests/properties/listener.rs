//! The listener for the redirect: what a request means is decided by its parts, and not by how its bytes
//! come in.

use oauth_core::loopback::{Loopback, Received};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::config;

const STATE: &str = "the-state";

/// The status, and the redirect's query.
type Read = Option<(String, Option<String>)>;

fn receive<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let loopback = Loopback::new("http://127.0.0.1:51004/callback", STATE).unwrap();
    let mut connection = loopback.connection();
    let mut read = None;
    for piece in pieces {
        let received = match connection.receive(piece) {
            Received::Partial => continue,
            Received::Answer(page) => {
                let page = String::from_utf8(page).unwrap();
                assert!(!page.contains(STATE));
                (page[9..12].to_owned(), None)
            }
            Received::Redirect(query) => ("200".into(), Some(query.expose().to_owned())),
        };
        assert!(read.is_none(), "one answer for each connection");
        read = Some(received);
    }
    read
}

/// The same bytes, cut at these places.
fn cut(bytes: &[u8], mut places: Vec<prop::sample::Index>) -> Vec<&[u8]> {
    let mut places: Vec<_> = places.drain(..).map(|it| it.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    let starts = [0].into_iter().chain(places.iter().copied());
    starts
        .zip(places.iter().copied().chain([bytes.len()]))
        .map(|(from, to)| &bytes[from..to])
        .collect()
}

/// The parts of a request, and whether they are right.
#[derive(Clone, Debug)]
struct Parts {
    method: &'static str,
    path: &'static str,
    query: Vec<&'static str>,
    hosts: Vec<&'static str>,
    others: Vec<&'static str>,
    end: &'static str,
}

fn parts() -> impl Strategy<Value = Parts> {
    let own = |good: &'static str, other: &'static [&'static str]| prop_oneof![4 => Just(good), 1 => select(other)];
    let query = select(
        &["state=the-state", "st%61te=the-state", "state=other", "code=c", "x=1", "error=e"][..],
    );
    let host = own("127.0.0.1:51004", &["127.0.0.1", "localhost:51004", "evil.example", ""]);
    let other = select(&["Accept: */*", "x:", "X-Host: evil.example"][..]);
    (
        own("GET", &["HEAD", "POST", "get"]),
        own("/callback", &["/", "/favicon.ico", "/callback/", "/Callback"]),
        vec(query, 0..4),
        prop_oneof![4 => vec(host.clone(), 1), 1 => vec(host, 0..3)],
        vec(other, 0..3),
        select(&["\r\n", "\n"][..]),
    )
        .prop_map(|(method, path, query, hosts, others, end)| Parts {
            method,
            path,
            query,
            hosts,
            others,
            end,
        })
}

impl Parts {
    fn write(&self) -> String {
        let Self { method, path, query, hosts, others, end } = self;
        let hosts = hosts.iter().map(|host| format!("Host: {host}{end}"));
        let fields: String = others.iter().map(|it| format!("{it}{end}")).chain(hosts).collect();
        format!("{method} {path}?{} HTTP/1.1{end}{fields}{end}", query.join("&"))
    }

    /// What has to come of it.
    fn expected(&self) -> (&'static str, Option<String>) {
        let states: Vec<_> = self
            .query
            .iter()
            .filter(|it| it.starts_with("st"))
            .map(|it| it.ends_with("the-state"))
            .collect();
        match self {
            _ if self.hosts != ["127.0.0.1:51004"] => ("400", None),
            _ if self.path != "/callback" => ("404", None),
            _ if !matches!(self.method, "GET" | "HEAD") => ("405", None),
            _ if states != [true] => ("400", None),
            _ => ("200", (self.method == "GET").then(|| self.query.join("&"))),
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_request_is_judged_by_its_parts(
        parts in parts(), places in vec(any::<prop::sample::Index>(), 0..6), behind in "[ -~]{0,9}"
    ) {
        let request = format!("{}{behind}", parts.write());
        let whole = receive([request.as_bytes()]);
        let (status, redirect) = parts.expected();
        prop_assert_eq!(&whole, &Some((status.to_owned(), redirect)), "{}", request);
        prop_assert_eq!(&receive(cut(request.as_bytes(), places)), &whole);
        prop_assert_eq!(receive(request.as_bytes().chunks(1)), whole);
    }

    #[test]
    fn a_request_that_was_damaged_means_the_same_in_pieces(
        parts in parts(),
        places in vec(any::<prop::sample::Index>(), 0..6),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut request = parts.write().into_bytes();
        for (at, byte) in damage {
            let at = at.index(request.len());
            request[at] = byte;
        }
        let whole = receive([&*request]);
        prop_assert_eq!(&receive(cut(&request, places)), &whole);
        prop_assert_eq!(&receive(request.chunks(1)), &whole);
        if let Some((_, Some(query))) = whole {
            let states = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
            prop_assert_eq!(states.map(|(_, it)| it.into_owned()).collect::<Vec<_>>(), [STATE]);
        }
    }
}
