//! What stands in an object, in a list, or behind the name of a variant.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::{Done, Reader, Wrong};

/// The members of an object, or the values of a list. The end itself is left to who opened it.
pub(super) struct Items<'a, 'de> {
    pub(super) reader: &'a mut Reader<'de>,
    pub(super) end: u8,
    pub(super) is_first: bool,
}

impl Items<'_, '_> {
    /// Whether there is another one; the reader stands before it.
    #[inline(never)]
    pub(super) fn next(&mut self) -> Result<bool, Wrong> {
        if self.reader.peek() == Some(self.end) {
            return Ok(false);
        }
        if !self.is_first {
            self.reader.take(b',')?;
            // No comma stands before an end.
            if self.reader.peek() == Some(self.end) {
                return Err(Wrong);
            }
        }
        self.is_first = false;
        Ok(true)
    }

    /// The same where a name has to follow.
    #[inline(never)]
    pub(super) fn next_name(&mut self) -> Result<bool, Wrong> {
        match self.next()? {
            true if self.reader.peek() == Some(b'"') => Ok(true),
            true => Err(Wrong),
            false => Ok(false),
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wrong> {
        if self.next()? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Wrong> {
        if self.next_name()? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        self.reader.colon()?;
        seed.deserialize(&mut *self.reader)
    }
}

/// The name of a variant, and what stands behind it, if anything.
pub(super) struct Variant<'a, 'de> {
    pub(super) reader: &'a mut Reader<'de>,
    pub(super) has_content: bool,
}

impl<'a, 'de> Variant<'a, 'de> {
    fn content(self) -> Result<&'a mut Reader<'de>, Wrong> {
        if self.has_content { Ok(self.reader) } else { Err(Wrong) }
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Wrong;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Wrong> {
        let variant = seed.deserialize(&mut *self.reader)?;
        if self.has_content {
            self.reader.colon()?;
        }
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Wrong;

    fn unit_variant(self) -> Done {
        if self.has_content { self.reader.word("null") } else { Ok(()) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.content()?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.content()?.deserialize_map(visitor)
    }
}
