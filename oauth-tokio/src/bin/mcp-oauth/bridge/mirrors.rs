//! Arguments of tools that stand in header fields as well, for who does not look into bodies (MCP 2026-07-28, Streamable HTTP,
//! Custom Headers from Tool Parameters): the tools' schemas say which.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use oauth_tokio::reqwest::header::HeaderName;
use serde_json::Value;

use super::message::{Message, in_field};

/// What the tools of a server want, as far as it has listed them.
#[derive(Default)]
pub(super) struct Mirrors(Mutex<HashMap<String, Vec<Mirror>>>);

/// An argument, and the field that it stands in.
struct Mirror {
    field: HeaderName,
    /// Names of members, from the outermost on.
    path: Vec<String>,
}

impl Mirrors {
    /// What an answer to `tools/list` says.
    pub(super) fn learn(&self, answer: &str) {
        let answer: Value = serde_json::from_str(answer).unwrap_or_default();
        let tools = answer["result"]["tools"].as_array().into_iter().flatten();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for tool in tools {
            let Some(name) = tool["name"].as_str() else { continue };
            known.insert(name.to_owned(), mirrors(&tool["inputSchema"], &[]));
        }
    }

    /// The fields of a message.
    pub(super) fn fields(&self, message: &Message) -> Vec<(HeaderName, String)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = message.tool().and_then(|tool| known.get(tool));
        let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else { return Vec::new() };
        let arguments = message.arguments();
        let of = |mirror: &Mirror| {
            let value = mirror.path.iter().try_fold(&arguments, |value, name| value.get(name))?;
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                // What is not there has no field.
                Value::Null | Value::Array(_) | Value::Object(_) => return None,
            };
            Some((mirror.field.clone(), in_field(&value)))
        };
        wanted.iter().filter_map(of).collect()
    }
}

/// What the properties of a schema want to see in fields. A name that no field can have is none.
fn mirrors(schema: &Value, path: &[String]) -> Vec<Mirror> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let of = |(name, property): (&String, &Value)| {
        let path = [path, std::slice::from_ref(name)].concat();
        let mut found = mirrors(property, &path);
        let field = property["x-mcp-header"].as_str();
        let field = field.and_then(|name| format!("mcp-param-{name}").parse().ok());
        found.extend(field.map(|field| Mirror { field, path }));
        found
    };
    properties.flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_stand_in_the_fields_that_their_tool_names() {
        let known = Mirrors::default();
        known.learn(
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"plain"},{"name":"query","inputSchema":{
                "type":"object","properties":{
                    "region":{"type":"string","x-mcp-header":"Region"},
                    "wait":{"type":"boolean","x-mcp-header":"Wait"},
                    "note":{"type":"string","x-mcp-header":"Note"},
                    "none":{"type":"string","x-mcp-header":"None"},
                    "bad":{"type":"string","x-mcp-header":"no name"},
                    "sql":{"type":"string"},
                    "options":{"type":"object","properties":{"limit":{"type":"integer","x-mcp-header":"Limit"}}}}}}]}}"#,
        );
        let fields = |method: &str, tool: &str| {
            let arguments = r#"{"region":"us-west1","wait":true,"note":"ä","none":null,"bad":"x","sql":"SELECT 1","options":{"limit":7}}"#;
            let text = format!(
                r#"{{"id":1,"method":"{method}","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
            );
            let message = Message::read(text).unwrap_or_else(|error| panic!("{error}"));
            let mut fields = known.fields(&message);
            fields.sort_by_key(|(name, _)| name.to_string());
            fields.into_iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>()
        };
        assert_eq!(
            fields("tools/call", "query"),
            [
                "mcp-param-limit: 7",
                "mcp-param-note: =?base64?w6Q=?=",
                "mcp-param-region: us-west1",
                "mcp-param-wait: true",
            ]
        );
        for (method, tool) in
            [("tools/call", "plain"), ("tools/call", "another"), ("prompts/get", "query")]
        {
            assert_eq!(fields(method, tool), [""; 0], "{method} {tool}");
        }
    }
}
