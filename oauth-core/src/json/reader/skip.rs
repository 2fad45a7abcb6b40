//! What is read and not kept: the members of a document that nobody asks for, and where those stand that somebody does.

use alloc::vec::Vec;
use core::ops::Range;

use super::{Done, Reader, Unreadable, Wrong};
use crate::json::Text;

/// Where a text stands, without its quotes.
#[derive(Clone, Copy)]
pub(crate) struct Quoted {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Something in it is written in another way than it is meant.
    pub(crate) is_escaped: bool,
}

/// Hands over the name of each member of an object, and where its value stands.
///
/// # Errors
///
/// [`Unreadable`]: it is no object, or has more members than are taken.
pub(crate) fn each_member(
    text: &str,
    mut take: impl FnMut(Quoted, Range<usize>) -> bool,
) -> Result<(), Unreadable> {
    let mut reader = Reader::new(text);
    reader.each_member(&mut take).map_err(|Wrong| Unreadable { at: reader.at })
}

/// Hands over each text of a list, and `None` for each value that is none.
///
/// # Errors
///
/// [`Unreadable`]: it is no list.
pub(crate) fn each_text(
    text: &str,
    take: &mut dyn FnMut(Option<Text<'_>>),
) -> Result<(), Unreadable> {
    let mut reader = Reader::new(text);
    reader.each_text(take).map_err(|Wrong| Unreadable { at: reader.at })
}

impl Reader<'_> {
    /// Reads a text, and keeps nothing of it. Its escapes may stand for halves of characters.
    pub(super) fn quoted(&mut self) -> Result<Quoted, Wrong> {
        self.peek();
        let start = self.at + 1;
        let is_escaped = self.skip_text()?;
        Ok(Quoted { start, end: self.at - 1, is_escaped })
    }

    /// The same without where it stands; whether it has escapes.
    #[inline(never)]
    fn skip_text(&mut self) -> Result<bool, Wrong> {
        self.take(b'"')?;
        let rest = self.text.as_bytes().get(self.at..).ok_or(Wrong)?;
        let plain = plain(rest);
        self.at += plain;
        if rest.get(plain) != Some(&b'"') {
            return self.skip_escapes().map(|()| true);
        }
        self.at += 1;
        Ok(false)
    }

    /// Goes on with a text from an escape on.
    #[cold]
    fn skip_escapes(&mut self) -> Done {
        loop {
            let rest = self.text.as_bytes().get(self.at..).ok_or(Wrong)?;
            match rest.first() {
                Some(b'"') => break,
                Some(b'\\') => self.at += escape(rest).ok_or(Wrong)?,
                Some(b' '..) => self.at += plain(rest),
                _ => return Err(Wrong),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Reads a value of any kind, as deep as it is, and keeps nothing of it.
    pub(super) fn skip(&mut self) -> Done {
        let mut open = Open::default();
        loop {
            match self.peek() {
                Some(b'"') => drop(self.skip_text()?),
                Some(start @ (b'{' | b'[')) => {
                    self.at += 1;
                    // In ASCII the end stands two places behind.
                    let end = start + 2;
                    if self.peek() != Some(end) {
                        open.push(end);
                        self.name_before(end)?;
                        continue;
                    }
                    self.at += 1;
                }
                Some(b't' | b'f') => drop(self.boolean()?),
                Some(b'n') => self.word("null")?,
                _ => self.skip_number()?,
            }
            loop {
                let Some(end) = open.end() else { return Ok(()) };
                if self.peek() != Some(end) {
                    self.take(b',')?;
                    self.name_before(end)?;
                    break;
                }
                self.at += 1;
                open.pop();
            }
        }
    }

    /// The name of the next value, if there has to be one.
    fn name_before(&mut self, end: u8) -> Done {
        if end == b'}' {
            self.skip_text()?;
            self.take(b':')?;
        }
        Ok(())
    }

    /// A number may be larger than any that can be held.
    fn skip_number(&mut self) -> Done {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let digits = |from: usize| {
            let rest = rest.get(from..).unwrap_or_default();
            from + rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let start = usize::from(rest.first() == Some(&b'-'));
        let mut end = if rest.get(start) == Some(&b'0') { start + 1 } else { digits(start) };
        let mut is_one = end > start;
        if rest.get(end) == Some(&b'.') {
            let fraction = end + 1;
            end = digits(fraction);
            is_one &= end > fraction;
        }
        if let Some(b'e' | b'E') = rest.get(end) {
            let exponent = end + 1 + usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            end = digits(exponent);
            is_one &= end > exponent;
        }
        if !is_one {
            return Err(Wrong);
        }
        self.at += end;
        Ok(())
    }

    fn each_member(&mut self, take: &mut impl FnMut(Quoted, Range<usize>) -> bool) -> Done {
        let mut members = self.open(b'{', b'}')?;
        while members.next_name()? {
            let name = members.reader.quoted()?;
            members.reader.take(b':')?;
            members.reader.peek();
            let start = members.reader.at;
            members.reader.skip()?;
            if !take(name, start..members.reader.at) {
                return Err(Wrong);
            }
        }
        self.close(b'}')?;
        self.ends()
    }

    fn each_text(&mut self, take: &mut dyn FnMut(Option<Text<'_>>)) -> Done {
        let mut values = self.open(b'[', b']')?;
        while values.next()? {
            if values.reader.peek() == Some(b'"') {
                take(Some(values.reader.string()?.into()));
            } else {
                values.reader.skip()?;
                take(None);
            }
        }
        self.close(b']')?;
        self.ends()
    }
}

/// The lists and objects that are open, as deep as they are: a bit each, 1 for an object.
struct Open {
    /// The innermost ones, behind a bit that says where they begin.
    inner: u64,
    /// The others, full words of them. Nothing honest has any.
    outer: Vec<u64>,
}

impl Default for Open {
    fn default() -> Self {
        Self { inner: 1, outer: Vec::new() }
    }
}

impl Open {
    fn push(&mut self, end: u8) {
        if self.inner.leading_zeros() == 0 {
            self.outer.push(self.inner);
            self.inner = 1;
        }
        self.inner = self.inner << 1 | u64::from(end == b'}');
    }

    /// The end of the innermost one.
    fn end(&self) -> Option<u8> {
        let end = if self.inner & 1 == 1 { b'}' } else { b']' };
        (self.inner > 1).then_some(end)
    }

    fn pop(&mut self) {
        self.inner >>= 1;
        if self.inner == 1 {
            self.inner = self.outer.pop().unwrap_or(1);
        }
    }
}

/// How many bytes come before a quote, an escape, or what may not stand in a text. Tokens are long: eight at once.
#[inline]
fn plain(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let special = specials(u64::from_le_bytes(*word));
        if special != 0 {
            return 8 * at + special.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
    8 * words.len() + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// The highest bit of each of eight bytes that is one of those; what stands behind the first of them may be wrong.
const fn specials(word: u64) -> u64 {
    const EACH: u64 = u64::MAX / 0xFF;
    // With that bit turned, a quote comes right behind what may not stand in a text, where the space was.
    let forbidden_or_quote =
        (word ^ (EACH * (b'"' ^ b' ') as u64)).wrapping_sub(EACH * (b' ' + 1) as u64);
    let escape = (word ^ (EACH * b'\\' as u64)).wrapping_sub(EACH);
    (forbidden_or_quote | escape) & !word & (EACH * 0x80)
}

/// How long the escape is that the bytes begin with.
fn escape(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => bytes.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}
