//! Just enough MCP: two requests, in the spelling of each protocol version.

use serde_json::{Value, json};

pub(crate) const DEFAULT_VERSION: &str = "2025-11-25";

/// One needs authorization, the other may need a wider scope.
pub(crate) fn calls(version: &str) -> [Value; 2] {
    let call = |id: u32, method: &str, mut params: Value| {
        if is_stateless(version) {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": version,
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
    };
    [
        call(1, "tools/list", json!({})),
        call(2, "tools/call", json!({"name": "test-tool", "arguments": {}})),
    ]
}

pub(crate) fn request(
    url: &str,
    version: &str,
    call: &Value,
) -> http::Result<http::Request<Vec<u8>>> {
    let mut request = http::Request::post(url)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream");
    if is_stateless(version) {
        request = request.header("mcp-protocol-version", version);
    }
    request.body(call.to_string().into_bytes())
}

fn is_stateless(version: &str) -> bool {
    version >= "2026"
}
