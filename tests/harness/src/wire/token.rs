//! Access tokens, as Google and Entra give them.

use std::collections::BTreeMap;

use serde_json::json;

/// The grants that are given, and what each needs beside `grant_type`.
const GRANTS: [(&str, &[&str]); 3] = [
    ("urn:ietf:params:oauth:grant-type:jwt-bearer", &["assertion"]),
    ("client_credentials", &["client_id", "client_secret", "scope"]),
    ("refresh_token", &["client_id", "client_secret", "refresh_token"]),
];

/// The fields of a form.
pub(crate) fn form(body: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

/// Answers the request for a token: status and body. Token number 1 is `ya29.fake-1`; it lasts 3,600 s.
pub(crate) fn answer(form: &BTreeMap<String, String>, number: u64) -> (u16, String) {
    let refuse = |error: &str, text: &str| (400, json!({"error": error, "error_description": text}).to_string());
    let Some(kind) = form.get("grant_type") else { return refuse("invalid_request", "grant_type is missing") };
    let Some((_, needed)) = GRANTS.iter().find(|(known, _)| known == kind) else {
        return refuse("unsupported_grant_type", &format!("{kind:?} is not given here"));
    };
    if let Some(missing) = needed.iter().find(|name| form.get(**name).is_none_or(String::is_empty)) {
        return refuse("invalid_request", &format!("{missing} is missing"));
    }
    let token = json!({"access_token": format!("ya29.fake-{number}"), "expires_in": 3600, "token_type": "Bearer"});
    (200, token.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_is_asked_right() {
        let status = |body: &str| answer(&form(body.as_bytes()), 1).0;
        let jwt = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        assert_eq!(status(&format!("{jwt}&assertion=a.b.c")), 200);
        assert_eq!(status(jwt), 400);
        assert_eq!(status("grant_type=client_credentials&client_id=a&client_secret=b&scope=c"), 200);
        assert_eq!(status("grant_type=password"), 400);
        assert_eq!(status("{}"), 400);
    }
}
