//! Tools that a server answers: arguments become a request, the answer a result. Everything goes out through the guarded
//! client, and every expression of the bundle runs in Wasm.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use arena_bundle::{HttpTool, RequestMapping, Tool};
use arena_egress::{Answer as Reply, EgressError, Method, Request};
use arena_model::{Content, Fault as _, Part};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use url::Url;

use super::tools::{ANSWERS, Answer, Caller, Failure, fits_given, of_json, rendered};

/// Name of the engine that evaluates mappings.
pub const MAPPINGS: &str = "jmespath";
/// Longest call where the tool says nothing.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most of all answers of a case, bytes.
pub(super) const RECEIVED: usize = 32 << 20;
/// Most of an error's body that the model sees, bytes.
const ERROR_BYTES: usize = 2 << 10;
/// Shortest value of a key that is cut out of answers, bytes.
const KEY_BYTES: usize = 8;
/// What stands where something was cut out.
const CUT_OUT: &str = "***";

type Arguments = Map<String, Value>;

impl Caller<'_> {
    /// Calls the server of a tool. `received` gets the size of its answer, if one came.
    pub(super) async fn call_http(
        self,
        tool: &Tool,
        http: &HttpTool,
        arguments: &Value,
        received: &mut Option<usize>,
    ) -> Answer {
        let none = Map::new();
        let arguments = match arguments {
            Value::Null => &none,
            Value::Object(arguments) => arguments,
            _ => return Err("the arguments are no JSON object".into()),
        };
        let mut request = self.request_of(http, arguments).await?;
        let keys = self.keys(http)?;
        request.headers.extend(http.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        request.headers.extend(keys.iter().cloned());
        if let Some(accepted) = http.media.as_ref().filter(|accepted| !accepted.is_empty()) {
            request.headers.insert(0, ("accept".to_owned(), accepted.join(", ")));
        }
        let reply = self.evaluator.parts().egress.send(&request).await.map_err(outside)?;
        let (status, kind) = (reply.status(), media_type(&reply));
        let bytes = reply.whole().await.map_err(outside)?;
        *received = Some(bytes.len());
        if http.media.as_deref().is_some_and(|accepted| (200..300).contains(&status) && is_media(&kind, accepted)) {
            if values_of(&keys).any(|key| bytes.windows(key.len()).any(|piece| piece == key.as_bytes())) {
                return Err("the server says a key back in its media".into());
            }
            return Ok(media(&kind, &bytes));
        }
        // A key may be written with escapes, so it is looked for in what they mean.
        let parsed = serde_json::from_slice(&bytes).map(|mut value| {
            redact(&mut value, &http.redact);
            cut_out_of(&keys, &mut value);
            value
        });
        let plain = || cut_out(&keys, String::from_utf8_lossy(&bytes).into_owned());
        if !(200..300).contains(&status) {
            let text = parsed.map_or_else(|_| plain(), |value| value.to_string());
            return Err(format!("the server answered {status}: {}", head(&text, ERROR_BYTES)).into());
        }
        let mut result = parsed.unwrap_or_else(|_| json!({"result": plain()}));
        if let Some(mapping) = &http.response {
            result = self.mapped(mapping, result).await?;
        }
        fits_given(self.evaluator, &tool.output_schema, &result, "result").await?;
        Ok(of_json(result))
    }

    /// When a call that may take `timeout` must have ended.
    pub(super) fn deadline_of(self, timeout: Option<Duration>) -> Instant {
        self.deadline.min(Instant::now() + timeout.unwrap_or(TIMEOUT))
    }

    async fn request_of(self, http: &HttpTool, arguments: &Arguments) -> Result<Request, Failure> {
        let method = Method::named(&http.method).ok_or_else(|| format!("unknown method `{}`", http.method))?;
        let mut request = Request {
            method,
            url: http.url.clone(),
            headers: Vec::new(),
            body: None,
            deadline: self.deadline_of(http.timeout),
        };
        let body = match &http.request {
            Some(mapping) => self.apply(mapping, http, arguments, &mut request).await?,
            None if method.has_body() => (!arguments.is_empty()).then(|| Value::Object(arguments.clone())),
            None => {
                request.url =
                    with_query(&http.url, arguments.iter().map(|(name, value)| (name.as_str(), shown(value))))?;
                None
            }
        };
        if let Some(body) = body {
            request.body = Some(body.to_string().into());
            request.headers.insert(0, ("content-type".to_owned(), "application/json".to_owned()));
        }
        Ok(request)
    }

    /// Fills in URL, query and headers; gives the body, if there is one.
    async fn apply(
        self,
        mapping: &RequestMapping,
        http: &HttpTool,
        arguments: &Arguments,
        request: &mut Request,
    ) -> Result<Option<Value>, Failure> {
        let mut used: BTreeSet<String> = mapping.exclude.iter().chain(&mapping.query_params).cloned().collect();
        let values = Value::Object(arguments.clone());
        let url = self.filled(&http.url, &values, &mut used).await?;
        for (name, template) in &mapping.header_params {
            let value = self.filled(template, &values, &mut used).await?;
            request.headers.push((name.clone(), value));
        }
        request.headers.extend(mapping.static_headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        let given = mapping.query_params.iter().filter_map(|name| Some((name.as_str(), shown(arguments.get(name)?))));
        let fixed = mapping.static_query.iter().map(|(name, value)| (name.as_str(), value.clone()));
        request.url = with_query(&url, given.chain(fixed))?;
        if !request.method.has_body() {
            return Ok(None);
        }
        let rest = arguments.iter().filter(|(name, _)| !used.contains(*name));
        let mut body: Arguments = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
        body.extend(mapping.static_body.clone());
        if body.is_empty() {
            return Ok(None);
        }
        let body = Value::Object(body);
        match &mapping.body_mapping {
            Some(mapping) => self.mapped(mapping, body).await.map(Some),
            None => Ok(Some(body)),
        }
    }

    /// A template with the arguments in it. `used` gets those that it reads.
    async fn filled(self, template: &str, values: &Value, used: &mut BTreeSet<String>) -> Result<String, Failure> {
        if !template.contains("{{") {
            return Ok(template.to_owned());
        }
        let engine = self.evaluator.engine(ANSWERS).map_err(|trouble| trouble.text().to_owned())?.clone();
        let (sandbox, source) = (self.evaluator.parts().sandbox.clone(), template.to_owned());
        let pool = sandbox.clone();
        let names = sandbox.on_pool(async move { pool.variables(&engine, &source).await.result }).await;
        let names = names.and_then(|names| names).map_err(|error| format!("{}: {error}", error.reason()))?;
        used.extend(names);
        Ok(rendered(self.evaluator, ANSWERS, template, values).await?)
    }

    /// What a JMESPath expression gives for a value.
    async fn mapped(self, expression: &str, value: Value) -> Result<Value, Failure> {
        let text = rendered(self.evaluator, MAPPINGS, expression, &json!({"value": value})).await?;
        serde_json::from_str(&text).map_err(|error| Failure::from(format!("the mapping gives no JSON: {error}")))
    }

    /// Headers whose values whoever runs the bundle has let it send.
    fn keys(self, http: &HttpTool) -> Result<Vec<(String, String)>, Failure> {
        let known = &self.evaluator.parts().tool_keys;
        let key = |(header, variable): &(String, String)| match known.get(variable) {
            Some(value) => Ok((header.clone(), value.to_owned())),
            None => Err(Failure::from(format!(
                "EgressDenied: the header `{header}` is to have the value of the variable {variable}, which nobody has \
                 allowed"
            ))),
        };
        http.headers_from_env.iter().map(key).collect()
    }
}

/// What the model sees of a request that failed.
pub(super) fn outside(error: EgressError) -> Failure {
    Failure::from(format!("{}: {error}", error.reason()))
}

fn with_query<'q>(url: &str, pairs: impl Iterator<Item = (&'q str, String)>) -> Result<String, Failure> {
    let new: Vec<(&str, String)> = pairs.collect();
    if new.is_empty() {
        return Ok(url.to_owned());
    }
    let mut url = Url::parse(url).map_err(|error| format!("EgressUrlInvalid: {error}"))?;
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !new.iter().any(|(known, _)| known == name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let mut query = url.query_pairs_mut();
    query.clear().extend_pairs(kept);
    for (at, (name, value)) in new.iter().enumerate() {
        // Of two with one name the later counts.
        if !new[at + 1..].iter().any(|(later, _)| later == name) {
            query.append_pair(name, value);
        }
    }
    drop(query);
    Ok(url.into())
}

/// A value as a query has it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e15) {
            Some(whole) => (whole as i64).to_string(),
            None => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn media_type(reply: &Reply) -> String {
    let kind = reply.header("content-type").unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_media(kind: &str, accepted: &[String]) -> bool {
    let usual = ["image/", "audio/", "video/"].iter().any(|start| kind.starts_with(start));
    if accepted.is_empty() { usual } else { accepted.iter().any(|known| known == kind) }
}

fn media(mime: &str, bytes: &[u8]) -> Content {
    let kind = mime.split('/').next().filter(|kind| ["image", "audio", "video"].contains(kind)).unwrap_or("document");
    // What the model reads of it beside the media itself, as with the original runner.
    let told = json!({"type": kind, "content_type": mime, "size_bytes": bytes.len()});
    let media = json!({"mime_type": mime, "data": STANDARD.encode(bytes)});
    Content::Parts(vec![
        Part { kind: "text".to_owned(), text: Some(told.to_string()), media: None },
        Part { kind: kind.to_owned(), text: None, media: Some(media) },
    ])
}

/// Replaces the values of these keys, wherever they stand.
fn redact(value: &mut Value, keys: &[String]) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if keys.contains(key) {
                    *inner = Value::String(CUT_OUT.to_owned());
                } else {
                    redact(inner, keys);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, keys)),
        _ => {}
    }
}

/// A server can say a key back, and what it says is kept and shown.
fn cut_out(keys: &[(String, String)], text: String) -> String {
    values_of(keys).fold(text, |text, value| text.replace(value, CUT_OUT))
}

/// What is looked for: the values of keys, and what stands in them behind a word such as `Bearer`.
fn values_of(keys: &[(String, String)]) -> impl Iterator<Item = &str> {
    let values = keys.iter().flat_map(|(_, value)| [value.as_str(), value.rsplit(' ').next().unwrap_or_default()]);
    values.filter(|value| value.len() >= KEY_BYTES)
}

/// The same in every text of a value, names included.
fn cut_out_of(keys: &[(String, String)], value: &mut Value) {
    match value {
        Value::String(text) => *text = cut_out(keys, std::mem::take(text)),
        Value::Array(items) => items.iter_mut().for_each(|item| cut_out_of(keys, item)),
        Value::Object(map) => {
            for (name, mut inner) in std::mem::take(map) {
                cut_out_of(keys, &mut inner);
                map.insert(cut_out(keys, name), inner);
            }
        }
        _ => {}
    }
}

/// What of a text fits into so many bytes.
pub(super) fn head(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_a_query_are_as_plain_as_they_can_be() {
        for (value, text) in [
            (json!("a b"), "a b"),
            (json!(3), "3"),
            (json!(3.0), "3"),
            (json!(2.5), "2.5"),
            (json!(true), "true"),
            (json!(null), ""),
            (json!([1, "x"]), "[1,\"x\"]"),
        ] {
            assert_eq!(shown(&value), text);
        }
    }

    #[test]
    fn a_query_keeps_what_is_not_replaced() {
        let pairs = [("b", "2 3".to_owned()), ("c", "1".to_owned()), ("c", "4".to_owned())];
        let url = with_query("https://x/y?a=1&b=9", pairs.into_iter()).ok().unwrap();
        assert_eq!(url, "https://x/y?a=1&b=2+3&c=4");
        assert_eq!(with_query("{{no url}}", std::iter::empty()).ok().unwrap(), "{{no url}}");
        assert!(with_query("/relative", [("a", String::new())].into_iter()).is_err());
    }

    #[test]
    fn what_is_to_be_hidden_is_hidden_everywhere() {
        let mut value = json!({"token": {"a": 1}, "list": [{"token": "x", "b": 2}]});
        redact(&mut value, &["token".to_owned()]);
        assert_eq!(value, json!({"token": "***", "list": [{"token": "***", "b": 2}]}));
        let keys = [("authorization".to_owned(), "Bearer 123456789".to_owned()), ("x".to_owned(), "ok".to_owned())];
        assert_eq!(cut_out(&keys, "ok 123456789 Bearer 123456789".to_owned()), "ok *** ***");
        let mut value = serde_json::from_str(r#"{"a": ["\u0031234567\u00389"], "123456789": 1}"#).unwrap();
        cut_out_of(&keys, &mut value);
        assert_eq!(value, json!({"a": ["***"], "***": 1}));
    }

    #[test]
    fn media_are_told_by_their_type() {
        assert!(is_media("image/png", &[]) && !is_media("application/json", &[]));
        assert!(is_media("application/pdf", &["application/pdf".to_owned()]));
        assert!(!is_media("image/png", &["image/webp".to_owned()]));
    }

    #[test]
    fn a_text_is_cut_between_letters() {
        assert_eq!((head("äöü", 3), head("abc", 9), head("", 4)), ("ä", "abc", ""));
    }
}
