//! Keys in PEM (RFC 7468): which of a file's blocks is the key, and what it is if it is none that can be used.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::keys::KeyDefect;

/// The DER of the private key in a text, as PKCS#8 has it (RFC 5958). Certificates and public keys beside it
/// are passed over. The two characters `\n` count as a line end: that is what becomes of one in
/// an environment variable that was copied out of JSON.
///
/// # Errors
///
/// A [`KeyDefect`] that says what is there instead.
pub(super) fn private_key(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyDefect> {
    let mut instead = KeyDefect::NoKey;
    for (label, body) in blocks(text) {
        match label {
            "PRIVATE KEY" => return der(body),
            "EC PRIVATE KEY" if !body.contains(ENCRYPTED) => return Err(KeyDefect::Sec1),
            "RSA PRIVATE KEY" if !body.contains(ENCRYPTED) => {
                return Err(KeyDefect::Unsupported { algorithm: "RSA".into() });
            }
            "ENCRYPTED PRIVATE KEY" | "EC PRIVATE KEY" | "RSA PRIVATE KEY" => {
                return Err(KeyDefect::Encrypted);
            }
            "OPENSSH PRIVATE KEY" => return Err(KeyDefect::OpenSsh),
            "EC PARAMETERS" => {}
            _ => instead = KeyDefect::Public,
        }
    }
    Err(instead)
}

/// Label and content of each block. One that does not end goes on until the end of the text: what is
/// missing of it shows.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(BEGIN).skip(1).filter_map(|block| {
        let (label, rest) = block.split_once(DASHES)?;
        Some((label.trim(), rest.split(END).next().unwrap_or_default()))
    })
}

fn der(body: &str) -> Result<Zeroizing<Vec<u8>>, KeyDefect> {
    if body.len() > MAX_BODY {
        return Err(KeyDefect::Damaged);
    }
    let mut letters = Zeroizing::new(String::with_capacity(body.len()));
    for line in body.split(r"\n").flat_map(str::split_ascii_whitespace) {
        letters.push_str(line.trim_end_matches(r"\r"));
    }
    let mut der = Zeroizing::new(Vec::with_capacity(letters.len()));
    STANDARD.decode_vec(letters.as_bytes(), &mut der).map_err(|_| KeyDefect::Damaged)?;
    Ok(der)
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// In the header of a key that OpenSSL encrypted in its own old way.
const ENCRYPTED: &str = "ENCRYPTED";

/// In bytes: ten times what a key of the kinds that are built in has.
const MAX_BODY: usize = 4096;

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn found(text: &str) -> Result<Vec<u8>, KeyDefect> {
        private_key(text).map(|der| der.to_vec())
    }

    #[test]
    fn the_private_key_is_found_however_its_lines_end() {
        let own = "-----BEGIN PRIVATE KEY-----\nAAEC\nAwQF\n-----END PRIVATE KEY-----\n";
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in [
            own,
            &own.replace('\n', "\r\n"),
            &own.replace('\n', r"\n"),
            &own.replace('\n', r"\r\n"),
            &own.replace('\n', " "),
            &format!("\u{feff}{own}"),
            &format!("{certificate}{own}"),
            &format!("some words\n{own}{certificate}"),
            own.trim_end(),
        ] {
            assert_eq!(found(text), Ok((0..6).collect()), "{text:?}");
        }
    }

    #[test]
    fn what_is_there_instead_is_said() {
        let block = |label: &str, body: &str| {
            format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
        };
        let (rsa, old) = ("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAAAA");
        for (text, defect) in [
            ("".into(), KeyDefect::NoKey),
            ("/etc/keys/client.pem".into(), KeyDefect::NoKey),
            ("-----BEGIN PRIVATE KEY".into(), KeyDefect::NoKey),
            (block("EC PRIVATE KEY", "AAAA"), KeyDefect::Sec1),
            (
                format!("{}{}", block("EC PARAMETERS", "AAAA"), block("EC PRIVATE KEY", "AAAA")),
                KeyDefect::Sec1,
            ),
            (block("EC PARAMETERS", "AAAA"), KeyDefect::NoKey),
            (block("EC PRIVATE KEY", old), KeyDefect::Encrypted),
            (block(rsa, old), KeyDefect::Encrypted),
            (block(rsa, "AAAA"), KeyDefect::Unsupported { algorithm: "RSA".into() }),
            (block("ENCRYPTED PRIVATE KEY", "AAAA"), KeyDefect::Encrypted),
            (block("OPENSSH PRIVATE KEY", "AAAA"), KeyDefect::OpenSsh),
            (block("PUBLIC KEY", "AAAA"), KeyDefect::Public),
            (block("CERTIFICATE", "AAAA"), KeyDefect::Public),
            (block("PRIVATE KEY", "AAA"), KeyDefect::Damaged),
            (block("PRIVATE KEY", "planted!"), KeyDefect::Damaged),
            (block("PRIVATE KEY", &"AAAA".repeat(1025)), KeyDefect::Damaged),
        ] {
            assert_eq!(found(&text), Err(defect), "{text:?}");
        }
    }
}
