//! Whole documents for those who want to see all that is in them.

use alloc::string::String;
use alloc::vec::Vec;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::json::{Defect, Members, OtherMembers};

/// Reads a document with all its members. What is not required and cannot be read counts as left out.
///
/// # Errors
///
/// A [`Defect`] that names what is required, and missing or wrong.
pub(crate) fn read_whole<T: DeserializeOwned>(
    body: &[u8],
    required: &[&'static str],
) -> Result<T, Defect> {
    let mut members = Members::of(body)?;
    let mut document = Map::new();
    for name in required {
        document.insert((*name).into(), Value::String((*members.required_text(name)?).into()));
    }
    let others = OtherMembers::rest_of(&mut members).into_iter();
    let others = others.map(|(name, value)| (String::from(name), value));
    let fits = |name: &str, value: &Value| {
        let mut with_it = document.clone();
        with_it.insert(name.into(), value.clone());
        T::deserialize(Value::Object(with_it)).is_ok()
    };
    let fitting: Vec<_> = others.filter(|(name, value)| fits(name, value)).collect();
    document.extend(fitting);
    T::deserialize(Value::Object(document)).map_err(|_| Defect::NotJson { line: 0, column: 0 })
}
