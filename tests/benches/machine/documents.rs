//! What the servers of the cases say: documents of the sizes and with the members that real ones have.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The MCP server.
pub(crate) const SERVER: &str = "https://mcp.example.com/mcp";

pub(crate) const ISSUER: &str = "https://auth.example.com";

pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:51004/callback";

pub(crate) const CODE: &str = "SplxlOBeZQQYbYS6WxSbIA4x7PKqcTNbZxIo4yvt";

/// The `WWW-Authenticate` of the server's 401.
pub(crate) const CHALLENGE: &str = r#"Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp", scope="mcp:tools mcp:resources""#;

/// The lines of an answer with five challenges.
pub(crate) const CHALLENGES: [&str; 3] = [
    r#"Bearer realm="mcp", error="invalid_token", error_description="The access token \"tok_9\" expired", scope="mcp:tools mcp:resources", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp""#,
    r#"DPoP algs="ES256 ES384 PS256", error="invalid_token", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp", Basic realm="Staff \"only\" area", charset="UTF-8""#,
    r#"Negotiate YIIBhwYGKwYBBQUCoIIBezCCAXegDTALBgkqhkiG9w0BAQ==, Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", stale=false"#,
];

pub(crate) fn resource() -> String {
    compact(RESOURCE)
}

pub(crate) fn server() -> String {
    compact(SERVER_METADATA)
}

pub(crate) fn registration() -> String {
    compact(REGISTRATION)
}

/// A token answer with an access token of that many bytes.
pub(crate) fn tokens(access_token_bytes: usize) -> String {
    compact(TOKENS).replace("ACCESS", &"aB3_".repeat(access_token_bytes / 4))
}

/// The same with one more member.
pub(crate) fn tokens_with(access_token_bytes: usize, name: &str, value: &str) -> String {
    let answer = tokens(access_token_bytes);
    let members = answer.strip_suffix('}').expect("it is an object");
    format!("{members},\"{name}\":{value}}}")
}

/// A server document of about that many bytes: what makes it long are names of claims, as with real ones.
pub(crate) fn server_of(bytes: usize) -> String {
    let claims = "\"claims_supported\":[";
    let is_read = |line: &&str| !NOT_READ.iter().any(|part| line.contains(part));
    let lines = SERVER_METADATA.lines().map(str::trim).filter(is_read);
    let document = lines.collect::<String>().replace(",}", "}");
    let missing = bytes.saturating_sub(document.len() + claims.len() + 2);
    let names: Vec<_> =
        (0..missing / CLAIM).map(|number| format!("\"claim:{number:05}\"")).collect();
    document.replacen('{', &format!("{{{claims}{}],", names.join(",")), 1)
}

/// The length of one of them, with quotes and comma.
const CLAIM: usize = 14;

/// What stands in the names of members that can be left out to begin with a short one.
const NOT_READ: [&str; 17] = [
    "_alg",
    "backchannel",
    "check_session",
    "claim",
    "device_auth",
    "end_session",
    "frontchannel",
    "introspection",
    "jwks_uri",
    "request_",
    "response_modes",
    "revocation_endpoint_auth",
    "service_doc",
    "subject_types",
    "tls_client",
    "ui_locales",
    "userinfo",
];

/// An `id_token` of that many bytes, which nobody verifies here.
pub(crate) fn id_token(bytes: usize) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let head = part(r#"{"alg":"RS256","kid":"2026-11"}"#);
    let claims = part(&format!(
        r#"{{"iss":"{ISSUER}","sub":"user-1","aud":"{CLIENT_ID}","iat":1900000000,"exp":1900003600}}"#
    ));
    let signature = bytes - head.len() - claims.len() - 2;
    format!("\"{head}.{claims}.{}\"", "aB3_".repeat(signature.div_ceil(4)).split_at(signature).0)
}

/// Lists in lists of about that many bytes.
pub(crate) fn nested_lists(bytes: usize) -> String {
    let one = "[".repeat(DEPTH) + &"]".repeat(DEPTH);
    let all = vec![one.as_str(); bytes / (2 * DEPTH + 1)];
    format!("[{}]", all.join(","))
}

/// How deep they are: what is deeper counts as left out.
const DEPTH: usize = 30;

/// An access token that is only a reference, as most MCP servers issue them.
pub(crate) const REFERENCE: usize = 120;

/// An access token that is a JWT with little in it.
pub(crate) const JWT: usize = 752;

/// An access token that is a JWT with more in it.
pub(crate) const LONG_JWT: usize = 900;

/// Whom the authorization server takes all users' programs for.
pub(crate) const CLIENT_ID: &str = "0oa1b2c3d4e5f6g7h8i9";

/// One line about the documents.
pub(crate) fn sizes() -> String {
    let members = server().matches("\":").count();
    format!(
        "documents in bytes: challenge {}, five challenges {}, resource {}, server {} ({members} members), \
         registration {}, tokens {}",
        CHALLENGE.len(),
        CHALLENGES.iter().map(|line| line.len()).sum::<usize>(),
        resource().len(),
        server().len(),
        registration().len(),
        tokens(REFERENCE).len(),
    )
}

/// On one line, as servers send it.
fn compact(document: &str) -> String {
    document.lines().map(str::trim).collect()
}

const RESOURCE: &str = r#"{
    "resource":"https://mcp.example.com/mcp",
    "authorization_servers":["https://auth.example.com"],
    "scopes_supported":["mcp:tools","mcp:resources","mcp:prompts"],
    "bearer_methods_supported":["header"],
    "resource_name":"Example MCP server",
    "resource_documentation":"https://mcp.example.com/docs"
}"#;

const SERVER_METADATA: &str = r#"{
    "issuer":"https://auth.example.com",
    "authorization_endpoint":"https://auth.example.com/oauth2/v1/authorize",
    "token_endpoint":"https://auth.example.com/oauth2/v1/token",
    "userinfo_endpoint":"https://auth.example.com/oauth2/v1/userinfo",
    "registration_endpoint":"https://auth.example.com/oauth2/v1/register",
    "jwks_uri":"https://auth.example.com/oauth2/v1/keys",
    "revocation_endpoint":"https://auth.example.com/oauth2/v1/revoke",
    "introspection_endpoint":"https://auth.example.com/oauth2/v1/introspect",
    "end_session_endpoint":"https://auth.example.com/oauth2/v1/logout",
    "device_authorization_endpoint":"https://auth.example.com/oauth2/v1/device/authorize",
    "pushed_authorization_request_endpoint":"https://auth.example.com/oauth2/v1/par",
    "check_session_iframe":"https://auth.example.com/oauth2/v1/session/status",
    "response_types_supported":["code","id_token","code id_token","code token","id_token token"],
    "response_modes_supported":["query","fragment","form_post","query.jwt","form_post.jwt"],
    "grant_types_supported":["authorization_code","refresh_token","password","urn:ietf:params:oauth:grant-type:device_code","urn:ietf:params:oauth:grant-type:token-exchange"],
    "subject_types_supported":["public","pairwise"],
    "id_token_signing_alg_values_supported":["RS256","RS384","RS512","ES256","PS256"],
    "userinfo_signing_alg_values_supported":["RS256","ES256","PS256","none"],
    "request_object_signing_alg_values_supported":["HS256","RS256","ES256","PS256"],
    "scopes_supported":["openid","profile","email","address","phone","offline_access","mcp:tools","mcp:resources","mcp:prompts"],
    "token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","client_secret_jwt","private_key_jwt","none"],
    "token_endpoint_auth_signing_alg_values_supported":["HS256","RS256","ES256","PS256"],
    "revocation_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","private_key_jwt","none"],
    "introspection_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","private_key_jwt"],
    "claims_supported":["iss","ver","sub","aud","iat","exp","jti","auth_time","amr","idp","nonce","name","nickname","preferred_username","given_name","family_name","email","email_verified","zoneinfo","locale","updated_at","picture","gender","birthdate","phone_number","phone_number_verified","address","groups","roles","acr","azp","sid","at_hash","c_hash"],
    "claim_types_supported":["normal"],
    "claims_parameter_supported":false,
    "code_challenge_methods_supported":["plain","S256"],
    "dpop_signing_alg_values_supported":["RS256","ES256","PS256"],
    "request_parameter_supported":true,
    "request_uri_parameter_supported":false,
    "require_request_uri_registration":false,
    "authorization_response_iss_parameter_supported":true,
    "tls_client_certificate_bound_access_tokens":false,
    "backchannel_logout_supported":true,
    "frontchannel_logout_supported":true,
    "service_documentation":"https://auth.example.com/docs/oauth",
    "ui_locales_supported":["en","de","fr","ja"]
}"#;

const REGISTRATION: &str = r#"{
    "client_id":"0oa1b2c3d4e5f6g7h8i9",
    "client_id_issued_at":1900000000,
    "client_name":"MCP client",
    "redirect_uris":["http://127.0.0.1:51004/callback"],
    "grant_types":["authorization_code","refresh_token"],
    "response_types":["code"],
    "token_endpoint_auth_method":"none",
    "application_type":"native",
    "registration_client_uri":"https://auth.example.com/oauth2/v1/register/0oa1b2c3d4e5f6g7h8i9"
}"#;

const TOKENS: &str = r#"{
    "access_token":"ACCESS",
    "token_type":"Bearer",
    "expires_in":3600,
    "refresh_token":"v1.MjQ0NzM5ZDItNDg0Yi00ZjQ1LWE3NzMtNmM1MDg0YjM4NTFj",
    "scope":"mcp:tools mcp:resources offline_access"
}"#;
