//! Things that a host knows by number.

use alloc::vec::Vec;

/// Few enough to be looked through, the oldest one first. A number is not used again for as long as
/// possible, and never 0.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    all: Vec<(u32, T)>,
    last: u32,
}

impl<T> Numbered<T> {
    pub(crate) const fn new() -> Self {
        Self { all: Vec::new(), last: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Keeps it under a new number.
    pub(crate) fn add(&mut self, it: T) -> u32 {
        loop {
            self.last = self.last.wrapping_add(1).max(1);
            if self.get(self.last).is_none() {
                self.all.push((self.last, it));
                return self.last;
            }
        }
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.all.iter().find(|(own, _)| *own == number).map(|(_, it)| it)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.all.iter_mut().find(|(own, _)| *own == number).map(|(_, it)| it)
    }

    pub(crate) fn remove(&mut self, number: u32) {
        self.all.retain(|(own, _)| *own != number);
    }

    pub(crate) fn remove_oldest(&mut self) {
        if !self.all.is_empty() {
            self.all.remove(0);
        }
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_back_only_after_all_others() {
        let mut numbered = Numbered { all: Vec::new(), last: u32::MAX - 1 };
        assert_eq!([numbered.add('a'), numbered.add('b'), numbered.add('c')], [u32::MAX, 1, 2]);
        numbered.remove(1);
        assert_eq!((numbered.add('d'), numbered.get(1)), (3, None));
        numbered.last = u32::MAX - 1;
        assert_eq!(numbered.add('e'), 1);
        numbered.remove_oldest();
        assert_eq!((numbered.get(u32::MAX), numbered.len()), (None, 3));
    }
}
