//! The tokenizer of `WWW-Authenticate` (RFC 9110 §11): one pass over the bytes, nothing allocated.
//!
//! It only goes forward, but for the letters behind a scheme, which it looks at twice: as a `token68`
//! and as the name of a parameter. What it makes of broken fields is told where it is used.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;

/// A place in a field value; as an iterator, what comes from there on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pieces<'a> {
    text: &'a str,
    at: usize,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// Where a list element starts: only here can a challenge start.
    Element,
    /// Behind a scheme: only here can a `token68` start.
    Scheme,
    /// Behind a parameter.
    Param,
}

/// What a field value is made of.
pub(super) enum Piece<'a> {
    Scheme(&'a str),
    Token68(&'a str),
    Param(Param<'a>),
}

/// A parameter, its value as it was written between the quotes, if any.
#[derive(Clone, Copy)]
pub(super) struct Param<'a> {
    pub(super) name: &'a str,
    raw: &'a str,
    escaped: bool,
}

impl<'a> Param<'a> {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Takes the backslash off each `quoted-pair` (RFC 9110 §5.6.4).
    pub(super) fn value(self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut text = String::with_capacity(self.raw.len());
        let mut chars = self.raw.chars();
        while let Some(c) = chars.next() {
            text.extend(if c == '\\' { chars.next() } else { Some(c) });
        }
        Cow::Owned(text)
    }

    pub(super) fn into_boxed(self) -> Box<str> {
        self.value().into()
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let is_element = self.place == Place::Element;
            self.skip(if is_element { WHITE | COMMA } else { WHITE });
            self.peek()?;
            let start = self.at;
            self.skip(TOKEN);
            let end = self.at;
            self.skip(WHITE);
            if self.place == Place::Scheme {
                self.place = Place::Param;
                if let Some(text) = self.token68(start) {
                    return Some(Piece::Token68(text));
                }
            }
            if end == start {
                self.skip_element();
            } else if self.peek() == Some(b'=') {
                self.place = Place::Param;
                if let Some((raw, escaped)) = self.value() {
                    let name = &self.text[start..end];
                    return Some(Piece::Param(Param { name, raw, escaped }));
                }
            } else if is_element && (self.at > end || self.ends_element()) {
                self.place = Place::Scheme;
                return Some(Piece::Scheme(&self.text[start..end]));
            } else {
                self.skip_element();
            }
        }
    }
}

impl<'a> Pieces<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let (at, place) = (0, Place::Element);
        Self { text, at, place }
    }

    /// `token68 = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 9110 §11.2), and
    /// nothing else in the element; or else the place stays where it is, behind a name.
    fn token68(&mut self, start: usize) -> Option<&'a str> {
        let behind_name = self.at;
        if self.text.as_bytes()[behind_name..].starts_with(b"=\"") {
            return None;
        }
        self.at = start;
        self.skip(TOKEN68);
        let letters = self.at - start;
        while self.peek() == Some(b'=') {
            self.at += 1;
        }
        let end = self.at;
        self.skip(WHITE);
        if letters > 0 && self.ends_element() {
            return Some(&self.text[start..end]);
        }
        self.at = behind_name;
        None
    }

    /// What stands behind the equals sign, and whether it has escapes.
    fn value(&mut self) -> Option<(&'a str, bool)> {
        self.at += 1;
        self.skip(WHITE);
        let value = if self.peek() == Some(b'"') {
            self.quoted()?
        } else {
            let start = self.at;
            self.skip(VALUE);
            (&self.text[start..self.at], false)
        };
        match self.peek() {
            None | Some(b' ' | b'\t') => {}
            Some(b',') => self.place = Place::Element,
            Some(_) => self.skip_element(),
        }
        Some(value)
    }

    /// What is between the quotes; `None`, and all is taken, if the second one is missing.
    fn quoted(&mut self) -> Option<(&'a str, bool)> {
        let start = self.at + 1;
        self.at = start;
        let mut escaped = false;
        loop {
            self.at += quote_or_backslash(&self.text.as_bytes()[self.at..]);
            if self.peek()? == b'"' {
                self.at += 1;
                return Some((&self.text[start..self.at - 1], escaped));
            }
            escaped = true;
            self.at += 1;
            if let Some(b'"' | b'\\') = self.peek() {
                self.at += 1;
            }
        }
    }

    /// Goes to the next comma outside of quotes.
    fn skip_element(&mut self) {
        self.place = Place::Element;
        loop {
            self.skip(!(COMMA | QUOTE));
            if self.ends_element() || self.quoted().is_none() {
                return;
            }
        }
    }

    /// Goes on while bytes are in one of the classes.
    fn skip(&mut self, classes: u8) {
        while let Some(byte) = self.peek()
            && CLASSES[usize::from(byte)] & classes != 0
        {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn ends_element(&self) -> bool {
        self.peek().is_none_or(|byte| byte == b',')
    }
}

/// Where the next `"` or `\` is. Most of a field lies between quotes, so eight bytes are looked at
/// at once: subtracting 1 from each carries into the highest bit of the first that was zero.
fn quote_or_backslash(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let (words, rest) = bytes.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let zeros = [b'"', b'\\'].map(|byte| {
            let zero = word ^ (ONES * u64::from(byte));
            zero.wrapping_sub(ONES) & !zero
        });
        let found = (zeros[0] | zeros[1]) & (ONES << 7);
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let is_found = |byte: &u8| matches!(byte, b'"' | b'\\');
    bytes.len() - rest.len() + rest.iter().position(is_found).unwrap_or(rest.len())
}

/// White space that must (`SP`) or may (`OWS`, `BWS`) stand between the parts of a challenge.
const WHITE: u8 = 1;
const COMMA: u8 = 2;
const QUOTE: u8 = 4;
/// `tchar` (RFC 9110 §5.6.2).
const TOKEN: u8 = 8;
/// What a `token68` has before its equals signs.
const TOKEN68: u8 = 16;
/// What a value may have without quotes: more than `tchar`, because URLs are sent like that.
const VALUE: u8 = 32;
/// In no other class, so that every byte is in one.
const OTHER: u8 = 64;

static CLASSES: [u8; 256] = {
    let mut classes = [VALUE; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b' ' | b'\t' => WHITE,
            b',' => COMMA,
            b'"' => QUOTE,
            0..b' ' | 0x7F => OTHER,
            b'-' | b'.' | b'_' | b'~' | b'+' => TOKEN | TOKEN68 | VALUE,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => TOKEN | TOKEN68 | VALUE,
            b'/' => TOKEN68 | VALUE,
            b'!' | b'#'..=b'\'' | b'*' | b'^' | b'`' | b'|' => TOKEN | VALUE,
            _ => VALUE,
        };
        byte += 1;
    }
    classes
};
