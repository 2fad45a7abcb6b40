//! What a document says beyond what this crate has fields for.

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::json::{Members, read_json};

/// Members of a document that this crate has no field for, kept as they came. Only a fraction may change
/// in its last digit, if it has as many as a number can have, each time it is stored.
///
/// One is left out if it is nested deeper than 31 lists or objects, or if all would be made of more than 512 values
/// together: in memory, values take many times what they take in an answer.
///
/// `Debug` shows their names only: an `id_token` may be among them.
// Mostly there is one or none: in a tree it would take five times the room.
#[derive(Clone, Default, PartialEq)]
pub struct OtherMembers(Vec<(Box<str>, Value)>);

impl Eq for OtherMembers {}

impl OtherMembers {
    /// A text member.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// A member as JSON text; nothing is allocated for an absent one.
    #[must_use]
    pub fn json(&self, name: &str) -> Option<String> {
        self.get(name).map(Value::to_string)
    }

    /// The members' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// Takes a text member over, where there is none of that name.
    pub(crate) fn keep_text(&mut self, name: &str, from: &Self) {
        if let Some(value @ Value::String(_)) = from.get(name)
            && self.get(name).is_none()
        {
            self.insert(name, value.clone());
        }
    }

    /// What nobody has asked for; but for what cannot be read, is nested deeper than anything that is meant
    /// to be read, is made of too many parts, or stands there more than once. That is noted.
    pub(crate) fn rest_of(members: &mut Members<'_>) -> Self {
        let (mut others, mut wrong) = (Self::default(), Vec::new());
        let mut room = MAX_VALUES;
        for (name, json) in members.rest() {
            let value = json.and_then(|json| read_json(json).ok());
            // One that is too large leaves the others as much room as before.
            let mut left = room;
            match value.filter(|value| fits(value, MAX_DEPTH, &mut left)) {
                Some(value) if others.get(&name).is_none() => {
                    others.insert(&name, value);
                    room = left;
                }
                _ => wrong.push(name),
            }
        }
        for name in wrong {
            others.0.retain(|(other, _)| **other != *name);
            members.note(&name);
        }
        others
    }

    /// Puts others under a name of their own.
    pub(crate) fn nest(&mut self, name: &str, others: Self) {
        let others = others.0.into_iter().map(|(name, value)| (name.into(), value));
        self.insert(name, Value::Object(others.collect()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = (Box<str>, Value)> {
        self.0.into_iter()
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(other, _)| **other == *name).map(|(_, value)| value)
    }

    /// In the order of their names; takes the place of one with the same name.
    fn insert(&mut self, name: &str, value: Value) {
        match self.0.binary_search_by(|(other, _)| (**other).cmp(name)) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (name.into(), value));
            }
        }
    }
}

impl fmt::Debug for OtherMembers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl Serialize for OtherMembers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for OtherMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each(OtherMembers);
        impl<'de> Visitor<'de> for Each {
            type Value = OtherMembers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                mut self,
                mut map: A,
            ) -> Result<OtherMembers, A::Error> {
                while let Some((name, value)) = map.next_entry::<Box<str>, Value>()? {
                    self.0.insert(&name, value);
                }
                Ok(self.0)
            }
        }
        deserializer.deserialize_map(Each(Self::default()))
    }
}

/// Whether it is nested no deeper than that, and made of no more values than there is room for.
fn fits(value: &Value, depth: usize, room: &mut usize) -> bool {
    let (Some(depth), Some(left)) = (depth.checked_sub(1), room.checked_sub(1)) else {
        return false;
    };
    *room = left;
    match value {
        Value::Array(values) => values.iter().all(|value| fits(value, depth, room)),
        Value::Object(members) => members.values().all(|value| fits(value, depth, room)),
        _ => true,
    }
}

/// How many values the unknown members of an answer may be made of, together, to be kept. Each takes up to a hundred
/// bytes, and two in the answer.
const MAX_VALUES: usize = 512;

/// How deep an unknown member may be nested to be kept: the reader of a record has a limit too, and
/// counts from further out.
const MAX_DEPTH: usize = 32;
