//! Calls by chance: any function, with an input that fits, nearly fits or is junk.

use oauth_interface::Function;
use serde_json::{Value, json};

use crate::host::{NOW, SERVER_URL, settings};

/// Numbers that look random and follow from a seed (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn any(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word >> 32) as u32
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.any() as usize % end
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// A function and its input.
    pub(crate) fn call(&mut self, query: &str) -> (Function, Vec<u8>) {
        let (function, _) = self.pick(Function::ALL);
        let mut input = self.plausible(query);
        if self.below(4) == 0 {
            let members: Vec<String> = input.as_object().unwrap().keys().cloned().collect();
            let member = self.pick(&members);
            // What a misuse was about is shown, if it is no secret.
            let shown = ["url", "redirect_uri", "reason"];
            let word = if shown.contains(&&*member) { "junk" } else { "planted" };
            input[member] = self.junk(word);
        }
        let mut input = match self.below(20) {
            0 => self.junk("planted").to_string().into_bytes(),
            1 => Vec::new(),
            _ => input.to_string().into_bytes(),
        };
        if self.below(20) == 0 {
            let at = self.below(input.len() + 1);
            input.truncate(at);
        }
        input.push(b'\n');
        let length = self.pick(&[0, 16, 64, 64, 64, 200]);
        input.extend((0..length).map(|_| self.any() as u8));
        if self.below(20) == 0 {
            let at = self.below(input.len());
            input[at] = self.any() as u8;
        }
        (function, input)
    }

    fn plausible(&mut self, query: &str) -> Value {
        let mut settings = settings();
        settings["bearer"] = self.pick(&[Value::Null, Value::Null, "planted".into()]);
        settings["client_id"] = self.pick(&[Value::Null, "client".into(), "".into()]);
        json!({
            "settings": settings,
            "profile": "",
            "now": self.pick(&[NOW, NOW, NOW, NOW + 9999, 0, u64::MAX]),
            "expires_at": self.pick(&[NOW + 600, 0]),
            "record": self.pick(&[
                Value::Null, Value::Null, r#"{"format":2,"x":"planted"}"#.into(), "planted".into()
            ]),
            "seconds": self.pick(&[0, 60, 9999, u64::MAX]),
            "stored": self.pick(&[0, 1, NOW, u64::MAX]),
            "status": self.pick(&[200, 201, 302, 401, 401, 403, 404, 500, 65_535]),
            "headers": self.pick(&[json!([]), json!([["location", "/m"]]), json!([["", "\0planted"]])]),
            "challenges": self.pick(&[
                json!([]),
                json!(["Bearer"]),
                json!([r#"Bearer error="insufficient_scope", scope="a b""#]),
                json!([r#"Bearer resource_metadata="https://mcp.example.com/m""#, "DPoP ,,\""]),
            ]),
            "unsigned": self.pick(&[
                json!({ "key_id": "k", "algorithm": "ES256", "input": "planted" }),
                json!({ "algorithm": "ES256", "input": "" }),
                json!({ "algorithm": "planted", "input": "planted" }),
            ]),
            "dpop_key": self.pick(&[
                json!({ "jwk": ed25519(), "secret": "planted" }),
                json!({ "jwk": ed25519() }),
                json!({ "jwk": { "kty": "oct", "k": "planted" }, "secret": "planted" }),
            ]),
            "assertion": self.pick(&["planted", ""]),
            "kind": self.pick(&[Value::Null, "refresh_token".into(), "planted".into()]),
            "reason": self.pick(&["it is down", "", "\0\n"]),
            "redirect_uri": self.pick(&["http://127.0.0.1:1/callback", "javascript:x"]),
            "query": self.pick(&[query, "", "code=planted&state=planted", "%"]),
            "method": self.pick(&["POST", ""]),
            "url": self.pick(&[SERVER_URL, SERVER_URL, "https://evil.example", "x"]),
            "prompt": self.pick(&[json!([]), json!(["login", "login", "consent"]), json!(["none"])]),
            "login_hint": self.pick(&[Value::Null, "planted".into(), "\0planted".into()]),
            "attempt": self.pick(&[Value::Null, 1.into(), 2.into(), 4_000_000_000_u32.into()]),
        })
    }

    fn junk(&mut self, word: &str) -> Value {
        let long = word.repeat(self.below(1000));
        self.pick(&[
            Value::Null,
            (-1).into(),
            1e300.into(),
            true.into(),
            word.into(),
            long.into(),
            json!([[[word]]]),
            json!({ word: {} }),
        ])
    }
}

/// The key of RFC 8037 appendix A.2.
fn ed25519() -> Value {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
}
