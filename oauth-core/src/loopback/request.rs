//! The head of a request, as much of it as a redirect takes (RFC 9112).

/// `method SP request-target SP HTTP-version` (RFC 9112 §3), the target in its parts.
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a str,
    /// Only clients that take this listener for a proxy name it here (RFC 9112 §3.2.2).
    pub(super) authority: Option<&'a str>,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
}

impl<'a> RequestLine<'a> {
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let mut parts = core::str::from_utf8(line).ok()?.split(' ');
        let [method, target, version] = [parts.next()?, parts.next()?, parts.next()?];
        let is_http = matches!(version, "HTTP/1.0" | "HTTP/1.1") && parts.next().is_none();
        if !is_http || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (target, query) = target.split_once('?').unwrap_or((target, ""));
        let (authority, path) = match target.strip_prefix("http://") {
            None => (None, target),
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(authority), if path.is_empty() { "/" } else { path })
            }
        };
        Some(Self { method, authority, path, query })
    }
}

/// The value of `Host`; `None` if there is not exactly one (RFC 9112 §3.2), or if a field is broken:
/// two readers might see different hosts then.
pub(super) fn only_host<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Option<&'a str> {
    let mut host = None;
    for field in fields.take_while(|field| !field.is_empty()) {
        let name = name_of(field)?;
        if name.eq_ignore_ascii_case(b"host") {
            let value = &field[name.len() + 1..];
            let value = core::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
            if host.replace(value).is_some() {
                return None;
            }
        }
    }
    host
}

/// The name of a field, if there is a whole one.
pub(super) fn name_of(field: &[u8]) -> Option<&[u8]> {
    let name = &field[..field.iter().position(|&byte| byte == b':')?];
    name.iter().all(|byte| byte.is_ascii_graphic()).then_some(name)
}
