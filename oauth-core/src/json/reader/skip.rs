//! What is read and not kept: the members of a document that nobody asks for, and where those stand that somebody does.

use core::ops::Range;

use super::{Done, Reader, Unreadable, Wrong};

/// Where a text stands, without its quotes.
#[derive(Clone, Copy)]
pub(in super::super) struct Quoted {
    pub(in super::super) start: usize,
    pub(in super::super) end: usize,
    /// Something in it is written in another way than it is meant.
    pub(in super::super) is_escaped: bool,
}

/// Hands over the name of each member of an object, and where its value stands.
///
/// # Errors
///
/// [`Unreadable`]: it is no object, or has more members than are taken.
pub(in super::super) fn each_member(
    text: &str,
    mut take: impl FnMut(Quoted, Range<usize>) -> bool,
) -> Result<(), Unreadable> {
    let mut reader = Reader::new(text);
    reader.each_member(&mut take).map_err(|Wrong| Unreadable { at: reader.at })
}

impl Reader<'_> {
    /// Reads a text, and keeps nothing of it. Its escapes may stand for halves of characters.
    #[inline(never)]
    pub(super) fn quoted(&mut self) -> Result<Quoted, Wrong> {
        self.take(b'"')?;
        let start = self.at;
        let mut is_escaped = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let plain = plain(rest);
            self.at += plain;
            match rest.get(plain) {
                Some(b'"') => break,
                Some(b'\\') => {
                    is_escaped = true;
                    self.at += escape(&rest[plain..]).ok_or(Wrong)?;
                }
                _ => return Err(Wrong),
            }
        }
        let end = self.at;
        self.at += 1;
        Ok(Quoted { start, end, is_escaped })
    }

    /// Reads a value of any kind, as deep as it is, and keeps nothing of it.
    pub(super) fn skip(&mut self) -> Done {
        loop {
            match self.peek() {
                Some(b'"') => drop(self.quoted()?),
                Some(start @ (b'{' | b'[')) => {
                    self.at += 1;
                    // In ASCII the end stands two places behind.
                    let end = start + 2;
                    if self.peek() != Some(end) {
                        self.ends.push(end);
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
                let Some(end) = self.ends.last().copied() else { return Ok(()) };
                if self.peek() != Some(end) {
                    self.take(b',')?;
                    self.name_before(end)?;
                    break;
                }
                self.at += 1;
                self.ends.pop();
            }
        }
    }

    /// The name of the next value, if there has to be one.
    fn name_before(&mut self, end: u8) -> Done {
        if end == b'}' {
            self.quoted()?;
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
}

/// How many bytes come before a quote, an escape, or what may not stand in a text. Tokens are long: eight at once.
fn plain(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let special = specials(u64::from_le_bytes(*word));
        if special != 0 {
            return 8 * at + special.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
    let plain = rest.iter().position(is_special).unwrap_or(rest.len());
    8 * words.len() + plain
}

/// The highest bit of each of eight bytes that is one of those; what stands behind the first of them may be wrong.
const fn specials(word: u64) -> u64 {
    const EACH: u64 = u64::MAX / 0xFF;
    const fn less(word: u64, than: u8) -> u64 {
        word.wrapping_sub(EACH * than as u64) & !word & (EACH * 0x80)
    }
    let quotes = less(word ^ (EACH * b'"' as u64), 1);
    let escapes = less(word ^ (EACH * b'\\' as u64), 1);
    less(word, b' ') | quotes | escapes
}

/// How long the escape is that the bytes begin with.
fn escape(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => bytes.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}
