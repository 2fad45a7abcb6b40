//! What is set up in a file or by another program: JSON objects whose members are known by name.
//!
//! A member that nobody knows is a mistake, which would weaken or break a login silently; so it is an error, and the
//! error names the member that was meant. [`WrittenSettings`](crate::flow::WrittenSettings) are what a server's
//! settings look like in JSON; adapters add what is theirs.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU32;
use core::ops::Deref;
use core::time::Duration;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::json::Text;
use crate::plain::Plain;

mod nearest;

pub(crate) use nearest::nearest;

/// A JSON object whose members are known. The macro `written!` implements it.
pub trait Written: Default {
    /// The names of all members, each as often as it has names.
    fn names() -> impl Iterator<Item = &'static str>;

    /// Reads the value of a member: its own name, or `None` if nobody knows it. Nothing is read then.
    ///
    /// # Errors
    ///
    /// The value is none for this member.
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        members: &mut A,
    ) -> Result<Option<&'static str>, A::Error>;

    /// What is said here, and what was said before where this is silent. Lists and switches add to what was said.
    #[must_use]
    fn over(self, before: Self) -> Self;
}

/// Nobody knows this member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no member is called \"{}\"{}", Plain(.name), DidYouMean(*.nearest))]
pub struct UnknownMember {
    /// Its name; of a very long one, the beginning.
    pub name: Box<str>,
    /// The name that was meant, as it seems.
    pub nearest: Option<&'static str>,
}

impl UnknownMember {
    fn of<W: Written>(name: &str) -> Self {
        let end = name.char_indices().nth(MAX_NAME).map_or(name.len(), |(at, _)| at);
        Self { name: name[..end].into(), nearest: nearest(&name[..end], W::names()) }
    }

    /// Looks for one in a JSON text. Whatever else may be wrong with the text is not looked at.
    ///
    /// # Errors
    ///
    /// The first one.
    pub fn find<W: Written>(json: &str) -> Result<(), Self> {
        struct Names<W>(PhantomData<W>);
        impl<'de, W: Written> Visitor<'de> for Names<W> {
            type Value = Result<(), UnknownMember>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                while let Some((name, IgnoredAny)) = members.next_entry::<Text<'_>, _>()? {
                    if !W::names().any(|known| known == &*name) {
                        return Ok(Err(UnknownMember::of::<W>(&name)));
                    }
                }
                Ok(Ok(()))
            }
        }
        let found =
            serde_json::Deserializer::from_str(json).deserialize_map(Names::<W>(PhantomData));
        found.unwrap_or(Ok(()))
    }
}

/// The end of an error about a name that nobody knows.
pub(crate) struct DidYouMean(pub(crate) Option<&'static str>);

impl fmt::Display for DidYouMean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |nearest| write!(f, "; did you mean \"{nearest}\"?"))
    }
}

/// Reads all members of an object.
///
/// # Errors
///
/// A member that nobody knows, one that is there twice, or a value that is none for its member; it is named.
pub fn read<'de, W: Written, D: Deserializer<'de>>(deserializer: D) -> Result<W, D::Error> {
    struct Object<W>(PhantomData<W>);
    impl<'de, W: Written> Visitor<'de> for Object<W> {
        type Value = W;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object with settings")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<W, A::Error> {
            let (mut written, mut read) = (W::default(), Vec::new());
            while let Some(name) = members.next_key::<Text<'_>>()? {
                match written.read_member(&name, &mut members)? {
                    Some(own) if read.contains(&own) => {
                        return Err(de::Error::duplicate_field(own));
                    }
                    Some(own) => read.push(own),
                    None => return Err(de::Error::custom(UnknownMember::of::<W>(&name))),
                }
            }
            Ok(written)
        }
    }
    deserializer.deserialize_map(Object(PhantomData))
}

/// Reads a value, and says of which member it is if it cannot be read.
///
/// # Errors
///
/// It is none for this member.
pub fn value<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    name: &'static str,
    members: &mut A,
) -> Result<T, A::Error> {
    members.next_value().map_err(|error| de::Error::custom(format_args!("`{name}`: {error}")))
}

/// What one member says over what was said of it before.
pub trait Over {
    /// Both together.
    #[must_use]
    fn over(self, before: Self) -> Self;
}

impl<T> Over for Option<T> {
    fn over(self, before: Self) -> Self {
        self.or(before)
    }
}

impl Over for bool {
    fn over(self, before: Self) -> Self {
        self || before
    }
}

impl<T> Over for Vec<T> {
    fn over(self, mut before: Self) -> Self {
        before.extend(self);
        before
    }
}

impl<V> Over for Pairs<V> {
    fn over(self, before: Self) -> Self {
        Self(self.0.over(before.0))
    }
}

/// A duration. Written, it is a number of whole seconds, one at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = NonZeroU32::deserialize(deserializer)?;
        Ok(Self(Duration::from_secs(seconds.get().into())))
    }
}

/// Names with values, in order. Written, it is an object: `{"access_type": "offline"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs<V>(Vec<(Box<str>, V)>);

impl<V> Pairs<V> {
    /// Adds one behind the others.
    pub fn push(&mut self, name: &str, value: V) {
        self.0.push((name.into(), value));
    }
}

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Deref for Pairs<V> {
    type Target = [(Box<str>, V)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Object<V> {
            type Value = Pairs<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Pairs<V>, A::Error> {
                let mut pairs = Pairs::default();
                while let Some((name, value)) = members.next_entry::<Text<'_>, _>()? {
                    pairs.push(&name, value);
                }
                Ok(pairs)
            }
        }
        deserializer.deserialize_map(Object(PhantomData))
    }
}

/// Declares a struct with its JSON members, once: its fields, how they are read, and how two are laid over each other.
/// Behind a field's name may stand another name for it; `..` takes in the members of another such struct.
///
/// ```
/// use oauth_core::flow::WrittenSettings;
///
/// oauth_core::written! {
///     /// One server in the configuration of a host.
///     struct Server {
///         ..settings: WrittenSettings,
///         /// Its name for people.
///         title | "name": Option<Box<str>>,
///     }
/// }
///
/// let server = serde_json::from_str::<Server>(r#"{"name": "Notes", "client_name": "My editor"}"#)?;
/// assert_eq!(server.title.as_deref(), Some("Notes"));
/// let mistaken = serde_json::from_str::<Server>(r#"{"titel": "Notes"}"#).unwrap_err().to_string();
/// assert!(mistaken.contains("title"), "{mistaken}");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! written {
    (
        $(#[$about:meta])*
        $visible:vis struct $Name:ident {
            $(..$more:ident: $More:ty,)?
            $($(#[$doc:meta])* $field:ident $(| $other:literal)?: $Type:ty,)*
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        $visible struct $Name {
            $(
                /// Those of which there is a list already.
                $visible $more: $More,
            )?
            $($(#[$doc])* $visible $field: $Type,)*
        }

        impl $crate::written::Written for $Name {
            fn names() -> impl Iterator<Item = &'static str> {
                const OWN: &[&str] = &[$(stringify!($field), $($other,)?)*];
                let names = OWN.iter().copied();
                $(let names = names.chain(<$More as $crate::written::Written>::names());)?
                names
            }

            fn read_member<'de, A: ::serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                members: &mut A,
            ) -> Result<Option<&'static str>, A::Error> {
                match name {
                    $(stringify!($field) $(| $other)? => {
                        self.$field = $crate::written::value(stringify!($field), members)?;
                        Ok(Some(stringify!($field)))
                    })*
                    $(_ if true => self.$more.read_member(name, members),)?
                    _ => Ok(None),
                }
            }

            fn over(self, before: Self) -> Self {
                Self {
                    $($more: $crate::written::Written::over(self.$more, before.$more),)?
                    $($field: $crate::written::Over::over(self.$field, before.$field),)*
                }
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $Name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::written::read(deserializer)
            }
        }
    };
}

/// As much of a name as is shown, in characters: longer than any that is known.
pub(crate) const MAX_NAME: usize = 64;

#[cfg(test)]
mod tests;
