//! `application/x-www-form-urlencoded`, the way of token requests and redirects (RFC 6749 appendix B).

use alloc::borrow::Cow;
use alloc::string::String;

use url::form_urlencoded::{Parse, byte_serialize, parse};

use crate::secret::Secret;

/// A form or a query under construction. What it is built in is overwritten in the end.
pub(crate) struct Form(String);

impl Form {
    /// Room for what a token request usually takes, so that no half of it is left behind by growing.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(String::with_capacity(capacity))
    }

    /// Goes on behind an endpoint's URL; a query that it has is kept (RFC 6749 §3.1).
    pub(crate) fn after_url(url: &str, capacity: usize) -> Self {
        let mut text = String::with_capacity(url.len() + capacity);
        text.push_str(url);
        match url.rfind('?') {
            None => text.push('?'),
            Some(at) if at + 1 == url.len() || url.ends_with('&') => {}
            Some(_) => text.push('&'),
        }
        Self(text)
    }

    /// Adds one parameter.
    pub(crate) fn pair(mut self, name: &str, value: &str) -> Self {
        if !matches!(self.0.as_bytes().last(), None | Some(b'?' | b'&')) {
            self.0.push('&');
        }
        self.0.extend(byte_serialize(name.as_bytes()));
        self.0.push('=');
        self.0.extend(byte_serialize(value.as_bytes()));
        self
    }

    /// Adds the parameter if there is a value.
    pub(crate) fn pair_if(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.pair(name, value),
            None => self,
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    pub(crate) fn into_secret(self) -> Secret {
        Secret::from(self.0)
    }
}

/// Writes one value form-encoded.
pub(crate) fn encode(value: &str, into: &mut String) {
    into.extend(byte_serialize(value.as_bytes()));
}

/// The pairs of a query or a form body, decoded.
pub(crate) fn pairs(text: &str) -> Parse<'_> {
    parse(text.as_bytes())
}

/// The one value of a parameter.
///
/// # Errors
///
/// The parameter stands there twice (RFC 6749 §3.1 forbids it).
pub(crate) fn single<'a>(text: &'a str, name: &str) -> Result<Option<Cow<'a, str>>, Repeated> {
    let mut values = pairs(text).filter(|(own, _)| own == name).map(|(_, value)| value);
    let first = values.next();
    if values.next().is_some() { Err(Repeated) } else { Ok(first) }
}

/// A parameter that may stand once stands there twice.
#[derive(Debug, PartialEq)]
pub(crate) struct Repeated;

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
        ] {
            let form = Form::after_url(url, 16).pair("x", "1").pair_if("n", None).pair("y", "a b");
            assert_eq!(form.into_text(), expected);
        }
    }

    #[test]
    fn repeated_parameters_are_noticed() {
        assert_eq!(single("a=1&b=2", "a"), Ok(Some("1".into())));
        assert_eq!(single("a=1&b=2", "c"), Ok(None));
        assert_eq!(single("a=1&a=1", "a"), Err(Repeated));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(pairs in proptest::collection::vec((".{0,8}", ".{0,8}"), 0..5)) {
            let form = pairs.iter().fold(Form::with_capacity(0), |form, (k, v)| form.pair(k, v));
            let text = form.into_text();
            prop_assert!(text.is_ascii());
            let read: alloc::vec::Vec<_> = super::pairs(&text).into_owned().collect();
            prop_assert_eq!(read, pairs);
        }
    }
}
