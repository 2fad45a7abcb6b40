//! Dates as HTTP writes them (RFC 9110 §5.6.7), in all three forms that a recipient has to read.
//!
//! The day of the week is not looked at. Dates before 1970 are none: nothing that is read here lies there.

use crate::time::{DAY, UnixTime};

/// Reads a date; `None` if it is none.
pub(crate) fn parse(text: &str) -> Option<UnixTime> {
    let mut words = text.split([' ', ',', '-']).filter(|word| !word.is_empty());
    let mut next = || words.next();
    let date = match [next()?, next()?, next()?, next()?, next()?] {
        // Sun, 06 Nov 1994 08:49:37 GMT and Sunday, 06-Nov-94 08:49:37 GMT
        [_, day, month, year, time] if day.starts_with(|c: char| c.is_ascii_digit()) => {
            (next()? == "GMT").then_some([year, month, day, time])?
        }
        // Sun Nov  6 08:49:37 1994
        [_, month, day, time, year] => [year, month, day, time],
    };
    if next().is_some() {
        return None;
    }
    let [year, month, day, time] = date;
    let year = match (year.len(), number(year)?) {
        // Whoever still writes them means the near future.
        (2, year) => year + if year < 70 { 2000 } else { 1900 },
        (4, year @ 1970..) => year,
        _ => return None,
    };
    let month = (1..).zip(MONTHS).find_map(|(number, name)| (name == month).then_some(number))?;
    let day = number(day).filter(|day| (1..=31).contains(day))?;
    let mut parts = time.split(':').map(number);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = UnixTime::days_until(year, month, day);
    Some(UnixTime::from_secs(days * DAY + hour * 3600 + minute * 60 + second))
}

/// At most four digits, and nothing else.
fn number(digits: &str) -> Option<u64> {
    let is_number = matches!(digits.len(), 1..=4) && digits.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn all_three_forms_are_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text), Some(UnixTime::from_secs(784_111_777)), "{text}");
        }
    }

    #[test]
    fn days_are_counted_as_they_are_shown() {
        for (text, shown) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"),
            ("Mon, 28 Feb 2000 23:59:59 GMT", "2000-02-28T23:59:59Z"),
            ("Tue, 29 Feb 2000 00:00:00 GMT", "2000-02-29T00:00:00Z"),
            ("Wed, 01 Mar 2000 00:00:00 GMT", "2000-03-01T00:00:00Z"),
            ("Wednesday, 31-Dec-69 23:59:59 GMT", "2069-12-31T23:59:59Z"),
            ("Fri, 31 Dec 1999 23:59:60 GMT", "2000-01-01T00:00:00Z"),
            ("Mon, 01 Mar 2100 00:00:00 GMT", "2100-03-01T00:00:00Z"),
            ("Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"),
        ] {
            let date = parse(text).map(|date| format!("{date}"));
            assert_eq!(date.as_deref(), Some(shown), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        for text in [
            "",
            "120",
            "soon",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:00 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:01 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nox 1994 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
            "Sun, 06 Nov +994 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994 GMT",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
