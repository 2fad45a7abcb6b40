//! What a user with another device has to be shown, and when the server may be asked, by what RFC 8628 says and the
//! answers alone.

use oauth_core::wire::DevicePage;
use oauth_core::{Response, UnixTime};
use serde_json::Value;
use url::Url;

use crate::{answer, has_secret, members};

/// A login on another device, beside the machine that drives it.
#[derive(Debug, Clone, Default)]
pub struct DeviceRules {
    /// What the codes came with.
    codes: Value,
    /// In seconds.
    interval: u64,
    ends_at: u64,
    expires_at: u64,
    /// When the server may be asked, if that is plain from what it said last.
    next: Next,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Next {
    /// Nothing is to be waited for.
    #[default]
    Nothing,
    /// At that time.
    At(u64),
    /// Not before that time.
    NotBefore(u64),
    /// What the answer means is the machine's to say.
    Anything,
}

impl DeviceRules {
    /// The answer of the device authorization endpoint.
    pub fn codes(&mut self, response: Option<&Response>, now: UnixTime) {
        let Some(response) = response else { return };
        let codes = members(response.body());
        let now = now.as_secs();
        self.interval = seconds(&codes["interval"]).filter(|it| *it > 0).unwrap_or(5);
        self.expires_at = now.saturating_add(seconds(&codes["expires_in"]).unwrap_or(0));
        self.ends_at = self.expires_at.min(now + LONGEST);
        (self.codes, self.next) = (codes, Next::Nothing);
    }

    /// Judges what the user is shown.
    ///
    /// # Panics
    ///
    /// It is not what the server said, or could do harm.
    pub fn page(&self, page: &DevicePage) {
        let code = &*page.user_code;
        assert!(code.len() <= 64 && !code.trim().is_empty(), "{code:?}");
        assert!(self.codes["user_code"] == code, "{code:?} was not given");
        assert_eq!(page.expires_at.as_secs(), self.ends_at);
        let complete = page.verification_uri_complete.as_ref();
        for (name, url) in [
            ("verification_uri", Some(&page.verification_uri)),
            ("verification_uri_complete", complete),
        ] {
            let Some(url) = url else { continue };
            assert_inert(url.as_str());
            let said = self.codes[name].as_str().and_then(|said| Url::parse(said).ok());
            let said = said.expect("the server said where");
            let opened = Url::parse(url.as_str()).expect("it is a URL");
            assert_eq!(decoded(opened.path()), decoded(said.path()));
            assert_eq!(decoded(opened.query().unwrap_or("")), decoded(said.query().unwrap_or("")));
            assert_eq!(opened.origin(), said.origin());
        }
        let shown = page.to_string();
        assert!(
            shown.contains(page.verification_uri.as_str()),
            "a code without its place: {shown}"
        );
        let is_plain = |char: char| char.escape_debug().len() == 1 || "\\'\"".contains(char);
        assert!(shown.chars().all(is_plain), "{shown:?}");
        let hidden = format!("{page:?}");
        assert!(!has_secret(&hidden), "{hidden}");
    }

    /// The user is shown the page.
    pub fn shown(&mut self, now: UnixTime) {
        self.next = Next::At(self.after(now, self.interval));
    }

    /// Judges a wait.
    ///
    /// # Panics
    ///
    /// It is too short, too long, or for nothing.
    pub fn wait(&self, until: UnixTime) {
        let until = until.as_secs();
        match self.next {
            Next::Nothing => panic!("it waits until {until} for nothing"),
            Next::At(next) => assert_eq!(until, next, "RFC 8628 §3.5"),
            Next::NotBefore(next) => assert!(next <= until && until <= self.ends_at),
            Next::Anything => assert!(until <= self.ends_at),
        }
    }

    /// Judges that nothing is waited for.
    ///
    /// # Panics
    ///
    /// The server wants to be asked later.
    pub fn goes_on(&mut self) {
        let next = std::mem::take(&mut self.next);
        assert!(matches!(next, Next::Nothing | Next::Anything), "asked again at once: {self:?}");
    }

    /// It is that late; until when that goes, the codes are good.
    #[must_use]
    pub fn is_over(&mut self, now: UnixTime) -> bool {
        self.next = Next::Nothing;
        now.as_secs() >= self.ends_at
    }

    /// When the login ends.
    #[must_use]
    pub fn ends_at(&self) -> UnixTime {
        UnixTime::from_secs(self.ends_at)
    }

    /// The answer to a poll.
    pub fn polled(&mut self, response: Option<&Response>, now: UnixTime) {
        let (status, answer) = match response {
            Some(response) => (response.status(), answer(response)),
            None => (503, Value::Null),
        };
        if matches!(status, 408 | 429 | 500..=599) {
            self.interval = self.interval.saturating_mul(2);
            let own = self.after(now, self.interval);
            let asked = response.and_then(|it| it.header("retry-after").next());
            // Digits alone: a sign before them would be read as well.
            let seconds = |text: &str| {
                let text = text.trim();
                text.parse::<u64>().ok().filter(|_| !text.starts_with('+'))
            };
            self.next = match asked.map(seconds) {
                None => Next::At(own),
                Some(Some(seconds)) => Next::At(own.max(self.after(now, seconds))),
                Some(None) => Next::NotBefore(own),
            };
            return;
        }
        let is_refusal = (400..500).contains(&status) || (200..300).contains(&status);
        let is_plain =
            is_refusal && answer["access_token"].is_null() && answer["authed_user"].is_null();
        let code = answer["error"].as_str().map(clean);
        self.next = match code.as_deref() {
            Some("slow_down") if is_plain => {
                self.interval = self.interval.saturating_add(5);
                Next::At(self.after(now, self.interval))
            }
            Some("authorization_pending") if is_plain => Next::At(self.after(now, self.interval)),
            _ if is_plain => Next::Nothing,
            _ => Next::Anything,
        };
    }

    fn after(&self, now: UnixTime, seconds: u64) -> u64 {
        now.as_secs().saturating_add(seconds).min(self.ends_at)
    }
}

/// Panics if a URL that a program opens has a letter that is code for a shell, or none that URLs have.
///
/// # Panics
///
/// See above.
pub fn assert_inert(url: &str) {
    let is_inert = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?&=+,@%[]".contains(&byte);
    assert!(url.bytes().all(is_inert), "{url}");
}

/// A number of seconds, as servers write one.
pub fn seconds(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => match number.as_u64() {
            Some(whole) => Some(whole),
            None => Some(number.as_f64()? as u64),
        },
        Value::String(text) => {
            let text = text.trim();
            let odd = || text.parse::<f64>().ok().filter(|it| it.is_finite()).map(|it| it as u64);
            text.parse().ok().or_else(odd)
        }
        _ => None,
    }
}

/// A code with nothing but what codes may have (RFC 6749 §5.2): what else servers write is passed over.
fn clean(code: &str) -> String {
    let is_of_codes = |char: &char| matches!(char, '!'..='~') && !matches!(char, '"' | '\\');
    code.chars().filter(is_of_codes).take(64).collect()
}

fn decoded(text: &str) -> String {
    let pairs = url::form_urlencoded::parse(text.as_bytes());
    pairs.map(|(name, value)| format!("{name}\n{value}\n")).collect()
}

/// In seconds: no user is waited for longer.
const LONGEST: u64 = 60 * 60;
