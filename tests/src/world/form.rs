//! Reads `application/x-www-form-urlencoded` text and says what is wrong with it.
//!
//! `url::form_urlencoded` takes anything; a judge must not, so the text is looked at first.

use url::form_urlencoded;

/// Decoded parameters in the order sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    pub(super) pairs: Vec<(String, String)>,
}

impl Form {
    /// Decodes well-formed text without repeated names (RFC 6749 §3.1, §3.2).
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(odd) = text.bytes().find(|byte| !byte.is_ascii_graphic()) {
            return Err(format!("byte {odd:#04x} stands unencoded in a form"));
        }
        for (at, _) in text.match_indices('%') {
            let digits = text.as_bytes().get(at + 1..at + 3);
            if !digits.is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit)) {
                return Err("a % without two hexadecimal digits in a form".into());
            }
        }
        if let Some(pair) = text.split('&').find(|pair| !text.is_empty() && !pair.contains('=')) {
            return Err(format!("a form has the piece {pair:?}, which is no name and value"));
        }
        let form = Self::lenient(text);
        let mut seen = Vec::new();
        for (name, _) in &form.pairs {
            if seen.contains(&name) {
                return Err(format!("parameter {name} is repeated"));
            }
            seen.push(name);
        }
        Ok(form)
    }

    /// Decodes whatever there is, for the log.
    pub(super) fn lenient(text: &str) -> Self {
        Self { pairs: form_urlencoded::parse(text.as_bytes()).into_owned().collect() }
    }

    /// A value; an empty one is as if it had not been sent (RFC 6749 §3.1).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(key, _)| key == name)?;
        (!value.is_empty()).then_some(value)
    }
}

/// Decodes one form-encoded piece, as the halves of a Basic credential are (RFC 6749 §2.3.1).
pub(super) fn decode(piece: &str) -> Option<String> {
    let form = Form::parse(&format!("v={}", piece.replace('=', "%3D").replace('&', "%26"))).ok()?;
    form.pairs.into_iter().next().map(|(_, value)| value)
}

/// The media type of every form body.
pub(super) const FORM: &[u8] = b"application/x-www-form-urlencoded";
