//! What a host can leave out of the machine, to have a smaller one: a grant that is compiled in with a feature.
//!
//! A state of such a grant stands in a [`Part`]. Without the feature there is no value of it, which the compiler knows: it
//! leaves out whatever would be done with one. So no state, and nothing that handles one, has to say `cfg`.

use alloc::boxed::Box;
use core::fmt::Debug;
use core::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::Misuse;

/// A feature of this crate, as a value: who has one may do what the feature is for.
pub(crate) trait Feature: Copy + Debug {
    /// Its name.
    const NAME: &'static str;
    /// The value, if the feature is there.
    const HERE: Option<Self>;

    /// For who has the value.
    fn part<T>(self, inner: T) -> Part<T, Self> {
        Part(Box::new(inner), self)
    }

    /// # Errors
    ///
    /// [`Misuse::LeftOut`] without the feature.
    fn check() -> Result<Self, Misuse> {
        Self::HERE.ok_or_else(|| Misuse::LeftOut { feature: Self::NAME.into() })
    }
}

macro_rules! features {
    ($($(#[$doc:meta])* $Name:ident: $name:literal, if $feature:meta;)*) => {
        $(
            $(#[$doc])*
            #[cfg($feature)]
            #[derive(Debug, Clone, Copy)]
            pub(crate) struct $Name;

            $(#[$doc])*
            #[cfg(not($feature))]
            #[derive(Debug, Clone, Copy)]
            pub(crate) struct $Name(Never);

            impl Feature for $Name {
                const NAME: &'static str = $name;
                #[cfg($feature)]
                const HERE: Option<Self> = Some(Self);
                #[cfg(not($feature))]
                const HERE: Option<Self> = None;
            }
        )*
    };
}

/// Behind a private field, so that nobody else is warned of code that is never reached without a feature.
#[cfg(not(all(feature = "assertions", feature = "client-credentials", feature = "device-code")))]
#[derive(Debug, Clone, Copy)]
enum Never {}

features! {
    /// The user consents on another device.
    DeviceCode: "device-code", if feature = "device-code";
    /// The client asks for itself.
    ClientCredentials: "client-credentials", if feature = "client-credentials";
    /// Somebody whom the authorization server trusts says who the workload or its user is.
    Assertions: "assertions", if feature = "assertions";
    /// There is no user.
    WithoutUser: "client-credentials", if any(feature = "assertions", feature = "client-credentials");
}

/// A state that there is with a feature only.
#[derive(Debug)]
pub(crate) struct Part<T, F>(Box<T>, F);

impl<T, F: Feature> Part<T, F> {
    /// # Errors
    ///
    /// [`Misuse::LeftOut`] without the feature.
    pub(crate) fn new(inner: T) -> Result<Self, Misuse> {
        F::check().map(|feature| feature.part(inner))
    }

    pub(crate) fn into_inner(self) -> T {
        *self.0
    }

    /// With what another state of the same grant can be made.
    pub(crate) fn feature(&self) -> F {
        self.1
    }
}

impl<T, F> Deref for Part<T, F> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T, F> DerefMut for Part<T, F> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Serialize, F> Serialize for Part<T, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, F: Feature> Deserialize<'de> for Part<T, F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let feature = F::check().map_err(de::Error::custom)?;
        T::deserialize(deserializer).map(|inner| feature.part(inner))
    }
}
