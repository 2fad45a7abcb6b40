//! Makes the responses that the servers give.

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// An answer that ends the handling of a request early.
pub(super) type Refused = Box<Response<Vec<u8>>>;

/// A plain text answer.
pub(super) fn text(status: u16, body: &str) -> Response<Vec<u8>> {
    with_type(status, "text/plain; charset=utf-8", body.as_bytes().to_vec())
}

/// A page for people.
pub(super) fn html(status: u16, body: &str) -> Response<Vec<u8>> {
    with_type(status, "text/html; charset=utf-8", body.as_bytes().to_vec())
}

/// A JSON answer that nobody may store (RFC 6749 §5.1).
pub(super) fn json(status: u16, body: &Value) -> Response<Vec<u8>> {
    let mut response = with_type(status, "application/json", body.to_string().into_bytes());
    set(&mut response, header::CACHE_CONTROL, "no-store");
    response
}

/// An OAuth error as RFC 6749 §5.2 has it.
pub(super) fn oauth_error(status: u16, error: &str, description: &str) -> Response<Vec<u8>> {
    json(status, &json!({ "error": error, "error_description": description }))
}

/// Adds a header; a value that cannot stand in one becomes `invalid`.
pub(super) fn set(response: &mut Response<Vec<u8>>, name: HeaderName, value: &str) {
    let value =
        HeaderValue::from_str(value).unwrap_or_else(|_| HeaderValue::from_static("invalid"));
    response.headers_mut().append(name, value);
}

/// A time as `Date` has it (RFC 9110 §5.6.7), from seconds since the epoch.
pub(super) fn date(now: u64) -> String {
    let (days, rest) = (now / 86_400, now % 86_400);
    // Years begin in March here, so that the leap day is the last one.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let name = ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"]
        .into_iter()
        .zip(0..)
        .find_map(|(name, at)| (at == month).then_some(name))
        .unwrap_or_default();
    let year = era * 400 + year_of_era + u64::from(month >= 10);
    let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let weekday = weekdays.into_iter().cycle().nth((days % 7) as usize).unwrap_or_default();
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{weekday}, {day:02} {name} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

fn with_type(status: u16, content_type: &'static str, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).expect("knobs and handlers give statuses from 100 to 999");
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        // RFC 9110 §5.6.7.
        assert_eq!(date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(date(1_900_000_000), "Sun, 17 Mar 2030 17:46:40 GMT");
    }
}
