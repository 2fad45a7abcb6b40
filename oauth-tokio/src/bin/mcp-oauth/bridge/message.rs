//! Messages of JSON-RPC, as far as a bridge looks at them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What a host has said, on one line.
#[derive(Clone, Debug)]
pub(super) struct Message {
    text: String,
    /// `None` for what is only told, and for several at once.
    id: Option<Value>,
    method: Option<String>,
    /// The tool, the prompt or the resource that it is about.
    name: Option<String>,
    protocol_version: Option<String>,
}

impl Message {
    /// What a client says once a session is open.
    pub(super) fn initialized() -> Self {
        let method = Some(INITIALIZED.to_owned());
        let text = json!({ "jsonrpc": "2.0", "method": INITIALIZED }).to_string();
        Self { text, id: None, method, name: None, protocol_version: None }
    }

    /// What to answer instead is the error.
    pub(super) fn read(text: String) -> Result<Self, String> {
        let Ok(value) = serde_json::from_str::<Value>(&text) else {
            let error = json!({ "code": PARSE_ERROR, "message": "this is no JSON" });
            return Err(json!({ "jsonrpc": "2.0", "id": null, "error": error }).to_string());
        };
        let method = value["method"].as_str().map(str::to_owned);
        let id = value.get("id").filter(|id| method.is_some() && !id.is_null()).cloned();
        let params = &value["params"];
        let text_of = |value: &Value| value.as_str().map(str::to_owned);
        let name = text_of(&params["name"]).or_else(|| text_of(&params["uri"]));
        let protocol_version = text_of(&params["_meta"][PROTOCOL_VERSION]);
        Ok(Self { text, id, method, name, protocol_version })
    }

    /// What stands in header fields as well, for who does not look into bodies (MCP 2026-07-28, Streamable HTTP).
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let name = self.name.as_deref().filter(|_| {
            matches!(self.method.as_deref(), Some("tools/call" | "prompts/get" | "resources/read"))
        });
        let fields = [("mcp-method", self.method.as_deref()), ("mcp-name", name)];
        fields.into_iter().filter_map(|(field, value)| Some((field, in_field(value?)))).collect()
    }

    /// The tool that is called, if one is.
    pub(super) fn tool(&self) -> Option<&str> {
        self.name.as_deref().filter(|_| self.method.as_deref() == Some("tools/call"))
    }

    /// What it is called with.
    pub(super) fn arguments(&self) -> Value {
        let mut whole: Value = serde_json::from_str(&self.text).unwrap_or_default();
        whole.pointer_mut("/params/arguments").map(Value::take).unwrap_or_default()
    }

    pub(super) fn is_list_of_tools(&self) -> bool {
        self.method.as_deref() == Some("tools/list")
    }

    pub(super) fn protocol_version(&self) -> Option<&str> {
        self.protocol_version.as_deref().filter(|version| stands_for_itself(version))
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_initialize(&self) -> bool {
        self.method.as_deref() == Some("initialize")
    }

    pub(super) fn is_initialized(&self) -> bool {
        self.method.as_deref() == Some(INITIALIZED)
    }

    pub(super) fn wants_answer(&self) -> bool {
        self.id.is_some()
    }

    /// Whether this is the answer to it.
    pub(super) fn is_answered_by(&self, text: &str) -> bool {
        let Some(id) = &self.id else { return false };
        serde_json::from_str::<Value>(text)
            .is_ok_and(|answer| answer["method"].is_null() && answer.get("id") == Some(id))
    }

    /// The same under an id of our own: its answer is for nobody else.
    pub(super) fn of_our_own(&self, number: u64) -> Self {
        let id = json!(format!("mcp-oauth-{number}"));
        let mut value = serde_json::from_str::<Value>(&self.text).unwrap_or_default();
        value["id"] = id.clone();
        Self { text: value.to_string(), id: Some(id), ..self.clone() }
    }

    /// An error in the place of the answer.
    pub(super) fn error(&self, text: &str) -> Option<String> {
        let error = json!({ "code": SERVER_ERROR, "message": text });
        Some(json!({ "jsonrpc": "2.0", "id": self.id.as_ref()?, "error": error }).to_string())
    }
}

/// Whether this is a message, or several.
pub(super) fn is_one(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|it| it["jsonrpc"] == "2.0" || it.is_array())
}

/// What the answer to `initialize` says.
pub(super) fn protocol_version(answer: &str) -> Option<String> {
    let answer = serde_json::from_str::<Value>(answer).ok()?;
    answer["result"]["protocolVersion"].as_str().map(str::to_owned)
}

/// A value in a field: what cannot stand there as it is, is written in base64.
pub(super) fn in_field(value: &str) -> String {
    let is_plain = stands_for_itself(value) && !value.starts_with("=?base64?");
    if is_plain { value.into() } else { format!("=?base64?{}?=", STANDARD.encode(value)) }
}

fn stands_for_itself(value: &str) -> bool {
    value.trim() == value && value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

const INITIALIZED: &str = "notifications/initialized";

const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// JSON-RPC 2.0 §5.1.
const PARSE_ERROR: i32 = -32700;

/// Of the range that it leaves to servers.
const SERVER_ERROR: i32 = -32000;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Message {
        Message::read(text.into()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn an_answer_is_known_by_its_id_and_a_request_of_the_server_is_none() {
        let call = read(r#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#);
        for (text, is_answer) in [
            (r#"{"jsonrpc":"2.0","id":7,"result":{}}"#, true),
            (r#"{"jsonrpc":"2.0","id":7,"error":{}}"#, true),
            (r#"{"jsonrpc":"2.0","id":"7","result":{}}"#, false),
            (r#"{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage"}"#, false),
            (r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#, false),
        ] {
            assert_eq!(call.is_answered_by(text), is_answer, "{text}");
        }
        assert!(call.wants_answer() && call.error("x").is_some());
        let told = read(r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#);
        assert!(!told.wants_answer() && told.error("x").is_none());
        // The host answers a request of the server.
        assert!(!read(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).wants_answer());
        assert!(Message::read("{".into()).is_err());
    }

    #[test]
    fn fields_say_what_a_message_is_about() {
        let fields = |text: &str| read(text).fields();
        let call = r#"{"id":1,"method":"tools/call","params":{"name":"add"}}"#;
        assert_eq!(fields(call), [("mcp-method", "tools/call".into()), ("mcp-name", "add".into())]);
        let read_one = r#"{"id":1,"method":"resources/read","params":{"uri":"caf\u00e9\r\nx: y"}}"#;
        assert_eq!(fields(read_one)[1], ("mcp-name", "=?base64?Y2Fmw6kNCng6IHk=?=".into()));
        let listed = r#"{"id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
        assert_eq!(fields(listed), [("mcp-method", "tools/list".into())]);
        assert_eq!(read(listed).protocol_version(), Some("2026-07-28"));
        assert_eq!(fields(r#"{"id":1,"result":{}}"#), []);
    }

    #[test]
    fn an_initialize_of_our_own_is_the_same_but_for_its_id() {
        let own = read(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"x":1}}"#)
            .of_our_own(2);
        assert!(
            own.is_initialize()
                && own.is_answered_by(r#"{"jsonrpc":"2.0","id":"mcp-oauth-2","result":{}}"#)
        );
        assert!(own.text().contains(r#""params":{"x":1}"#));
    }
}
