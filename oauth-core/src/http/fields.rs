//! The header fields of an answer, in one text: there are a dozen, and each would be two allocations.

use alloc::string::String;
use alloc::vec::Vec;

#[derive(Default)]
pub(super) struct Fields {
    /// Names and values, one behind the other.
    text: String,
    /// Where each name ends, and its value.
    ends: Vec<[usize; 2]>,
}

impl Fields {
    pub(super) fn push(&mut self, name: &str, value: &str) {
        if self.ends.is_empty() {
            self.text.reserve(USUAL);
        }
        self.text.push_str(name);
        let name_end = self.text.len();
        self.text.push_str(value);
        self.ends.push([name_end, self.text.len()]);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ends.iter().scan(0, |start, &[name_end, end]| {
            let field = (self.text.get(*start..name_end)?, self.text.get(name_end..end)?);
            *start = end;
            Some(field)
        })
    }
}

/// How long the fields of most answers are, in bytes.
const USUAL: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_as_they_were_in_their_order() {
        let put = [("a", "1"), ("", ""), ("A", "\n: ä"), ("b", ""), ("a", "1")];
        let mut fields = Fields::default();
        assert_eq!(fields.iter().count(), 0);
        put.iter().for_each(|(name, value)| fields.push(name, value));
        assert_eq!(fields.iter().collect::<Vec<_>>(), put);
    }
}
