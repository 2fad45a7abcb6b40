//! What must not be printed, in every form in which it might be, and the search for it.

use std::collections::{BTreeSet, HashMap};

use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use oauth_tests::logs::{self, Line};
use oauth_tests::serve::Served;
use oauth_tests::world::PRE_CLIENT_SECRET;
use url::form_urlencoded::byte_serialize;

/// Secrets, and what was printed.
#[derive(Default)]
pub(crate) struct Search {
    secrets: BTreeSet<String>,
    printed: Vec<String>,
}

impl Search {
    pub(crate) fn print(&mut self, text: String) {
        self.printed.push(text);
    }

    /// Every secret that this world gave out or got.
    pub(crate) fn plant(&mut self, served: &Served) {
        let world = served.world();
        self.secrets.extend(world.secrets());
        self.secrets.insert(PRE_CLIENT_SECRET.into());
        // Each is good for one request, and the signature alone for as much.
        for sent in world.presented() {
            self.secrets.extend(sent.rsplit_once('.').map(|(_, signature)| signature.into()));
            self.secrets.insert(sent);
        }
        let sent = world.log.iter().flat_map(|exchange| &exchange.parameters);
        let secret = sent.filter(|(name, _)| SECRET_PARAMETERS.contains(&&**name));
        self.secrets.extend(secret.map(|(_, value)| value.clone()).filter(|it| it.len() >= START));
    }

    /// A secret that no server knows.
    pub(crate) fn plant_own(&mut self, secret: &str) {
        self.secrets.insert(secret.into());
    }

    /// Fails if one of them was printed, or logged by anything but the exempt.
    pub(crate) fn assert_clean(&self, is_exempt: fn(&Line) -> bool) {
        let lines = logs::lines();
        let forms = self.forms();
        assert!(forms.len() > 100 && self.printed.len() > 20 && lines.len() > 1000);
        let logged = lines.iter().filter(|line| !is_exempt(line)).map(Line::text);
        let texts: BTreeSet<String> = self.printed.iter().cloned().chain(logged).collect();
        // There are thousands of both.
        let mut by_start = HashMap::<&[u8], Vec<&(&str, String)>>::new();
        for form in &forms {
            by_start.entry(&form.1.as_bytes()[..START]).or_default().push(form);
        }
        for text in texts {
            for (at, start) in text.as_bytes().windows(START).enumerate() {
                let mut forms = by_start.get(start).into_iter().flatten();
                let found =
                    forms.find(|(_, form)| text.as_bytes()[at..].starts_with(form.as_bytes()));
                assert_eq!(found, None, "in {text}");
            }
        }
    }

    /// Which of the secrets are in a text.
    pub(crate) fn found_in<'a>(&'a self, text: &str) -> Vec<&'a str> {
        self.secrets.iter().map(String::as_str).filter(|secret| text.contains(*secret)).collect()
    }

    /// Each secret in the forms that HTTP gives it, and in that of bytes which are printed.
    fn forms(&self) -> BTreeSet<(&str, String)> {
        let mut forms = BTreeSet::new();
        for secret in &self.secrets {
            let escaped: String = byte_serialize(secret.as_bytes()).collect();
            let bytes = format!("{:?}", secret.as_bytes());
            forms.insert((&**secret, bytes.trim_matches(['[', ']']).to_owned()));
            // What stands before it in Basic credentials moves its bits.
            for (text, before) in
                [secret, &escaped].iter().flat_map(|it| [(it, 0), (it, 1), (it, 2)])
            {
                let text = [&b"::"[..before], text.as_bytes()].concat();
                for engine in [&STANDARD as &dyn Encode, &URL_SAFE_NO_PAD] {
                    let encoded = engine.to_text(&text);
                    let whole = encoded.trim_end_matches('=');
                    let inner = whole.get(4 * usize::from(before > 0)..whole.len() - 1);
                    forms.insert((&**secret, inner.unwrap_or(whole).to_owned()));
                }
            }
            forms.insert((&**secret, escaped));
            forms.insert((&**secret, secret.clone()));
        }
        forms.retain(|(_, form)| form.len() >= START);
        forms
    }
}

trait Encode {
    fn to_text(&self, bytes: &[u8]) -> String;
}

impl<E: base64::Engine> Encode for E {
    fn to_text(&self, bytes: &[u8]) -> String {
        self.encode(bytes)
    }
}

/// What requests carry that nobody may see.
const SECRET_PARAMETERS: [&str; 6] =
    ["client_secret", "code", "code_verifier", "refresh_token", "state", "token"];

/// What is shorter is no secret, but found everywhere.
const START: usize = 6;
