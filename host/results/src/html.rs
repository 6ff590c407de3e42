//! `report.html`: one file a person opens, without network or server.
//!
//! Numbers and rows stand in one `<script type="application/json">`, transcripts packed (zlib, base64) in elements of
//! their own, which the page's script unpacks when they are looked at or searched. It shows data as text alone, and the
//! page's content security policy lets nothing run but that script, by its hash.

mod data;
mod head;
mod names;
mod shelf;

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use arena_model::{Digest, Manifest, Summary};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::sketch::Sketch;
use crate::{Result, ResultsError, merkle};

pub(crate) use data::Report;

const TEMPLATE: &str = include_str!("html/template.html");
const STYLE: &str = include_str!("html/report.css");
const SCRIPT: &str = concat!(
    include_str!("html/elements.js"),
    include_str!("html/tables.js"),
    include_str!("html/overview.js"),
    include_str!("html/plots.js"),
    include_str!("html/transcripts.js"),
    include_str!("html/detail.js"),
    include_str!("html/cases.js"),
    include_str!("html/page.js"),
);

/// A CSP source for exactly this inline text.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(merkle::raw(&Digest::of(text.as_bytes()))))
}

fn policy() -> String {
    let (style, script) = (source(STYLE), source(SCRIPT));
    format!(
        "default-src 'none'; style-src {style}; script-src {script}; img-src data:; base-uri 'none'; form-action 'none'"
    )
}

/// JSON that can stand within a script element: no character in it can end the element or start a comment. Outside of
/// strings JSON has none of these, within strings the escape means the same.
fn inert(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    // The two separators start with this byte, and little else does that stands in records by the thousand.
    if memchr::memchr3(b'<', b'>', b'&', bytes).is_none() && memchr::memchr(0xe2, bytes).is_none() {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + json.len() / 16);
    let mut from = 0;
    for (at, found) in json.match_indices(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        safe.push_str(&json[from..at]);
        safe.push_str(match found {
            "<" => "\\u003c",
            ">" => "\\u003e",
            "&" => "\\u0026",
            "\u{2028}" => "\\u2028",
            _ => "\\u2029",
        });
        from = at + found.len();
    }
    safe.push_str(&json[from..]);
    Cow::Owned(safe)
}

/// Writes the page.
pub(crate) fn write(
    out: &mut BufWriter<File>,
    path: &Path,
    manifest: &Manifest,
    summary: &Summary,
    latency: &Sketch,
    report: Report,
) -> Result<()> {
    let io = || ResultsError::io("write", path);
    // Numbers only, for readers without scripts.
    let plain = summary.cases.to_string();
    let mut data = report.data(manifest, summary, latency).map_err(io())?;
    for piece in TEMPLATE.split("{{") {
        let (name, text) = piece.split_once("}}").unwrap_or(("", piece));
        match name {
            "policy" => out.write_all(policy().as_bytes()),
            "style" => out.write_all(STYLE.as_bytes()),
            "script" => out.write_all(SCRIPT.as_bytes()),
            "plain" => out.write_all(plain.as_bytes()),
            "data" => data.write(out),
            "transcripts" => data.write_transcripts(out),
            _ => Ok(()),
        }
        .map_err(io())?;
        out.write_all(text.as_bytes()).map_err(io())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_each_place_once_and_the_assets_cannot_end_their_elements() {
        for name in ["policy", "style", "script", "plain", "data", "transcripts"] {
            assert_eq!(TEMPLATE.matches(&format!("{{{{{name}}}}}")).count(), 1, "{name}");
        }
        assert_eq!(TEMPLATE.matches("{{").count(), 6);
        for asset in [STYLE, SCRIPT] {
            assert!(!asset.contains("</") && !asset.contains("<!--"));
        }
        for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc"] {
            assert!(!SCRIPT.contains(sink), "{sink}");
        }
        for place in ["http://", "https://", "url(", "@import"] {
            assert!(!STYLE.contains(place) && !SCRIPT.replace("http://www.w3.org/2000/svg", "").contains(place));
        }
    }

    #[test]
    fn the_policy_names_the_hash_of_the_inline_text() {
        assert_eq!(source("abc"), "'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='");
        assert!(policy().starts_with("default-src 'none';"));
        assert!(!policy().contains("unsafe"));
    }

    #[test]
    fn inert_json_means_the_same() {
        let text = "</script><!--<script> & \u{2028}\u{2029}\0\u{1b}[31m \\ud800";
        let json = serde_json::to_string(text).unwrap();
        let json = inert(&json);
        assert!(!json.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\0', '\u{1b}']));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        assert!(matches!(inert("{\"plain\":1}"), Cow::Borrowed(_)));
    }
}
