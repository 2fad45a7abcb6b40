//! Points in time, as a host tells them.

use core::fmt;
use core::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::json::{Member, Read, read_json};

/// A point in time: whole seconds since 1970-01-01T00:00:00Z.
///
/// The core has no clock; a host passes the time in wherever it matters. Arithmetic saturates.
///
/// ```
/// # use core::time::Duration;
/// # use oauth_core::UnixTime;
/// let now = UnixTime::from_secs(1_900_000_000);
/// assert_eq!((now + Duration::from_secs(90)).since(now), Duration::from_secs(90));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The time that many seconds after the epoch.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// How long `earlier` is ago; zero when it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }

    /// The days from 1970-01-01 until a date that is not before.
    pub(crate) const fn days_until(year: u64, month: u64, day: u64) -> u64 {
        // Years that begin in March: the day that not all of them have is the last.
        let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
        let (era, year) = (year / 400, year % 400);
        let day = (153 * month + 2) / 5 + day - 1;
        era * DAYS_OF_400_YEARS + year * 365 + year / 4 - year / 100 + day - DAYS_BEFORE_1970
    }
}

/// As RFC 3339 writes it, in UTC.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0 / DAY, self.0 % DAY);
        // Years that begin in March: the day that not all of them have is the last.
        let days = days + DAYS_BEFORE_1970;
        let (era, day) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
        let year = (day - day / 1460 + day / 36_524 - day / (DAYS_OF_400_YEARS - 1)) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let (year, hour, minute) = (era * 400 + year + next, second / 3600, second / 60 % 60);
        write!(f, "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
    }
}

/// Seconds.
pub(crate) const DAY: u64 = 24 * 60 * 60;

/// From the first of March of the year 0.
const DAYS_BEFORE_1970: u64 = 719_468;

const DAYS_OF_400_YEARS: u64 = 146_097;

impl core::ops::Add<Duration> for UnixTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }
}

/// Reads fractions too: other programs store `expires_at` as a float.
impl<'de> Deserialize<'de> for UnixTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Seconds::deserialize(deserializer).map(|seconds| Self(seconds.number))
    }
}

/// A number of seconds as programs write it: whole, as a fraction, or as such a number in a text (Entra v1).
/// What is below zero counts as zero.
pub(crate) struct Seconds {
    pub(crate) number: u64,
    /// Whether it was written as a text.
    pub(crate) is_text: bool,
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Seconds, E> {
                Ok(Seconds { number, is_text: false })
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Seconds, E> {
                self.visit_u64(u64::try_from(number).unwrap_or(0))
            }

            // A conversion of floats saturates: what is below zero or not a number becomes 0.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Seconds, E> {
                self.visit_u64(number as u64)
            }

            fn visit_str<E: de::Error>(self, digits: &str) -> Result<Seconds, E> {
                let digits = digits.trim();
                if let Ok(number) = digits.parse() {
                    return Ok(Seconds { number, is_text: true });
                }
                // That reads `inf` and `nan` too.
                let number = digits.parse().ok().filter(|number: &f64| number.is_finite());
                let number = number.ok_or_else(|| E::custom("no number of seconds"))?;
                Ok(Seconds { is_text: true, ..self.visit_f64(number)? })
            }
        }
        deserializer.deserialize_any(Number)
    }
}

impl Member<'_> for Seconds {
    fn read(json: &str) -> Option<Read<Self>> {
        read_json(json).ok().map(Read::well)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_fractional_and_odd_numbers() {
        for (text, seconds) in
            [("17", 17), ("17.9", 17), ("-1", 0), ("-0.5", 0), ("1e300", u64::MAX)]
        {
            assert_eq!(serde_json::from_str(text).ok(), Some(UnixTime(seconds)), "{text}");
        }
        for (text, seconds) in [("\"17\"", 17), ("\" 17.9 \"", 17), ("\"-1\"", 0)] {
            assert_eq!(serde_json::from_str(text).ok(), Some(UnixTime(seconds)), "{text}");
        }
        for text in ["\"soon\"", "\"\"", "\"17s\"", "\"inf\"", "\"NaN\"", "true", "1e999", "[1]"] {
            assert!(serde_json::from_str::<UnixTime>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn is_shown_as_a_date() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_900_000_000, "2030-03-17T17:46:40Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (u64::MAX, "584554051223-11-09T07:00:15Z"),
        ] {
            assert_eq!(alloc::format!("{}", UnixTime(seconds)), shown);
        }
    }

    #[test]
    fn arithmetic_saturates() {
        let end = UnixTime::from_secs(u64::MAX);
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(UnixTime::from_secs(1).since(end), Duration::ZERO);
    }
}
