//! `application/x-www-form-urlencoded`, the way of token requests and redirects (RFC 6749 appendix B).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::secret::SecretBuffer;

/// A form or a query under construction. What it is built in is overwritten in the end.
pub(crate) struct Form(SecretBuffer);

impl Form {
    /// Room for what a token request usually takes, so that no half of it is left behind by growing.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(SecretBuffer(String::with_capacity(capacity)))
    }

    /// Goes on behind an endpoint's URL; a query that it has is kept (RFC 6749 §3.1).
    pub(crate) fn after_url(url: &str, capacity: usize) -> Self {
        let mut text = String::with_capacity(url.len() + capacity);
        text.push_str(url);
        // A second question mark is a part of the query.
        match url.find('?') {
            None => text.push('?'),
            Some(at) if at + 1 == url.len() || url.ends_with('&') => {}
            Some(_) => text.push('&'),
        }
        Self(SecretBuffer(text))
    }

    /// Adds one parameter. Names are the protocol's, and need no encoding.
    pub(crate) fn pair(mut self, name: &'static str, value: &str) -> Self {
        self.next().push_str(name);
        self.value(value)
    }

    /// The same under a name that is not this crate's own.
    pub(crate) fn foreign_pair(mut self, name: &str, value: &str) -> Self {
        encode(name, self.next());
        self.value(value)
    }

    /// Adds the parameter if there is a value.
    pub(crate) fn pair_if(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.pair(name, value),
            None => self,
        }
    }

    /// Where the next name goes. Encoded values end with neither of the two.
    fn next(&mut self) -> &mut String {
        let text = &mut self.0.0;
        if !matches!(text.as_bytes().last(), None | Some(b'?' | b'&')) {
            text.push('&');
        }
        text
    }

    fn value(mut self, value: &str) -> Self {
        self.0.0.push('=');
        encode(value, &mut self.0.0);
        self
    }

    /// The text, for a URL. Of what means something to shells, forms leave the asterisk alone as it is.
    pub(crate) fn into_text(mut self) -> String {
        if self.0.0.contains('*') {
            self.0 = SecretBuffer(self.0.0.replace('*', "%2A"));
        }
        core::mem::take(&mut self.0.0)
    }

    /// The text, for a body.
    pub(crate) fn into_body(self) -> SecretBuffer {
        self.0
    }
}

/// Writes one value form-encoded.
pub(crate) fn encode(value: &str, into: &mut String) {
    // Most tokens and codes, which are long, stand for themselves.
    if value.bytes().all(|byte| STANDS_FOR_ITSELF[usize::from(byte)]) {
        into.push_str(value);
        return;
    }
    let mut plain = 0;
    for (at, byte) in value.bytes().enumerate() {
        if STANDS_FOR_ITSELF[usize::from(byte)] {
            continue;
        }
        into.push_str(value.get(plain..at).unwrap_or_default());
        plain = at + 1;
        match byte {
            b' ' => into.push('+'),
            byte => escape(byte, into),
        }
    }
    into.push_str(value.get(plain..).unwrap_or_default());
}

/// Writes a byte as what may stand anywhere (RFC 3986 §2.1).
pub(crate) fn escape(byte: u8, into: &mut String) {
    let digit = |half: u8| char::from(HEX[usize::from(half)]);
    into.push('%');
    into.push(digit(byte >> 4));
    into.push(digit(byte & 15));
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Which bytes are written as they are.
const STANDS_FOR_ITSELF: [bool; 256] = {
    let mut all = [false; 256];
    let mut byte = 0;
    while byte < all.len() {
        let it = byte as u8;
        all[byte] = it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.' | b'_' | b'*');
        byte += 1;
    }
    all
};

/// The pairs of a query or a form body, decoded.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    text.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name), decode(value))
    })
}

/// Reads one name or value. What is no escape stands for itself, and what is no UTF-8 is replaced.
fn decode(written: &str) -> Cow<'_, str> {
    if !written.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return written.into();
    }
    let mut decoded = Vec::with_capacity(written.len());
    let mut rest = written.as_bytes();
    while let [byte, behind @ ..] = rest {
        let escaped = behind.split_first_chunk().filter(|_| *byte == b'%');
        let escaped = escaped.and_then(|(digits, behind)| Some((from_hex(*digits)?, behind)));
        let plain = if *byte == b'+' { b' ' } else { *byte };
        let (byte, behind) = escaped.unwrap_or((plain, behind));
        decoded.push(byte);
        rest = behind;
    }
    match String::from_utf8(decoded) {
        Ok(text) => text.into(),
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned().into(),
    }
}

fn from_hex(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

#[cfg(test)]
pub(crate) fn owned_pairs(text: &str) -> Vec<(String, String)> {
    pairs(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// The values of a few parameters, found in one pass.
pub(crate) fn select<'a, const N: usize>(text: &'a str, names: [&str; N]) -> [Found<'a>; N] {
    let mut found = [const { Found::Absent }; N];
    for (name, value) in pairs(text) {
        if let Some(at) = names.iter().position(|own| *own == name) {
            found[at] = match found[at] {
                Found::Absent => Found::Once(value),
                _ => Found::Repeated,
            };
        }
    }
    found
}

/// How often a parameter stands there: a second time is forbidden (RFC 6749 §3.1).
#[derive(Debug, PartialEq)]
pub(crate) enum Found<'a> {
    Absent,
    Once(Cow<'a, str>),
    Repeated,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_are_appended_behind_whatever_query_there_is() {
        for (url, expected) in [
            ("https://as.example/a", "https://as.example/a?x=1&y=a+b"),
            ("https://as.example/a?", "https://as.example/a?x=1&y=a+b"),
            ("https://as.example/a?p=q", "https://as.example/a?p=q&x=1&y=a+b"),
            ("https://as.example/a?p=q&", "https://as.example/a?p=q&x=1&y=a+b"),
            ("https://as.example/a?p=q?", "https://as.example/a?p=q?&x=1&y=a+b"),
        ] {
            let form = Form::after_url(url, 16).pair("x", "1").pair_if("n", None).pair("y", "a b");
            assert_eq!(form.into_text(), expected);
        }
    }

    #[test]
    fn repeated_parameters_are_noticed() {
        let found = select("a=1&b=%32&c=3&b=2&x=y", ["a", "b", "d", "c"]);
        let once = |value: &'static str| Found::Once(value.into());
        assert_eq!(found, [once("1"), Found::Repeated, Found::Absent, once("3")]);
    }

    proptest! {
        #[test]
        fn forms_are_those_of_browsers(text in "[a-z%+&=0-9A-Fé ]{0,24}", value in ".{0,12}") {
            let theirs = url::form_urlencoded::parse(text.as_bytes());
            prop_assert!(pairs(&text).eq(theirs), "{}", text);
            let mut written = String::new();
            encode(&value, &mut written);
            let theirs: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            prop_assert_eq!(written, theirs);
        }

        #[test]
        fn what_is_written_is_read_back(values in proptest::collection::vec(".{0,8}", 0..5)) {
            let form = values.iter().fold(Form::with_capacity(0), |form, value| form.pair("n", value));
            let text = form.into_text();
            prop_assert!(text.is_ascii());
            let read: Vec<_> = pairs(&text).map(|(_, value)| value.into_owned()).collect();
            prop_assert_eq!(read, values);
        }
    }
}
