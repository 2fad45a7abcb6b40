//! Documents as the machine has to read them: each member for itself, judged a second time here.

use std::collections::BTreeMap;

use oauth_core::Response;
use serde_json::Value;
use serde_json::value::RawValue;

/// An object's members as far as they can be read: a number may be larger than any program can hold. What
/// is there more than once is nowhere; a list of one text is that text, and one text a list, where the
/// other is meant.
pub fn members(body: &[u8]) -> Value {
    raw_members(body)
        .into_iter()
        .map(|(name, json)| (name.clone(), read(&name, json.get())))
        .collect()
}

/// The members of an object that is itself a member.
pub fn nested(body: &[u8], name: &str) -> Value {
    raw_members(body).get(name).map_or(Value::Null, |json| members(json.get().as_bytes()))
}

/// The members of an answer for which some servers send a form.
pub fn answer(response: &Response) -> Value {
    if response.header("content-type").next().is_some() {
        let pairs = || url::form_urlencoded::parse(response.body());
        let is_single = |name: &str| pairs().filter(|(own, _)| own == name).count() == 1;
        let single = pairs().filter(|(name, _)| is_single(name));
        return single.map(|(name, value)| (name.into_owned(), Value::from(&*value))).collect();
    }
    members(response.body())
}

fn raw_members(body: &[u8]) -> BTreeMap<String, Box<RawValue>> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let (Pairs(pairs), mark) = match serde_json::from_slice(body) {
        Ok(pairs) => (pairs, None),
        Err(_) => {
            let text = String::from_utf8_lossy(body);
            let mark = ('\u{e000}'..='\u{f8ff}').find(|mark| !text.contains(*mark));
            let mark = mark.expect("not all letters for private use are there");
            (serde_json::from_str(&marked(&text, mark)).unwrap_or_default(), Some(mark))
        }
    };
    let mut once = BTreeMap::<_, Vec<_>>::new();
    for (name, json) in pairs.into_iter().filter(|(_, json)| json.get() != "null") {
        once.entry(name).or_default().push(json);
    }
    once.into_iter()
        .filter_map(|(name, all)| Some((name, <[_; 1]>::try_from(all).ok()?)))
        .map(|(name, [json])| (name, json))
        .filter(|(_, json)| mark.is_none_or(|mark| !json.get().contains(mark)))
        .collect()
}

/// The same with marks for raw control characters in texts: they spoil the member that they stand in.
fn marked(text: &str, mark: char) -> String {
    let (mut is_text, mut is_escaped) = (false, false);
    let letter = |letter: char| {
        (is_text, is_escaped) = match letter {
            '"' if !is_escaped => (!is_text, false),
            '\\' => (is_text, is_text && !is_escaped),
            _ => (is_text, false),
        };
        if is_text && letter < ' ' { mark } else { letter }
    };
    text.chars().map(letter).collect()
}

fn read(name: &str, json: &str) -> Value {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    let is_number = json.bytes().all(|byte| byte.is_ascii_digit());
    match value {
        _ if ["client_id", "client_secret"].contains(&name) && is_number => json.into(),
        Value::Array(list) if TEXTS.contains(&name) && list.len() == 1 => list[0].clone(),
        Value::String(text) if LISTS.contains(&name) => Value::from(vec![text]),
        value => value,
    }
}

/// Pairs in order, repeated ones included.
#[derive(Default)]
struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> serde::de::Visitor<'de> for Each {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                // A name that is no text is nobody's.
                while let Some((name, json)) = map.next_entry::<Box<RawValue>, Box<RawValue>>()? {
                    pairs.push((serde_json::from_str(name.get()).unwrap_or_default(), json));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

const TEXTS: [&str; 17] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "registration_endpoint",
    "revocation_endpoint",
    "resource",
    "access_token",
    "token_type",
    "refresh_token",
    "client_id",
    "client_secret",
    "device_code",
    "user_code",
    "verification_uri",
    "verification_uri_complete",
    "request_uri",
    "error",
];

const LISTS: [&str; 3] =
    ["authorization_servers", "redirect_uris", "code_challenge_methods_supported"];
