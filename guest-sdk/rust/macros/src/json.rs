//! JSON text from literals and from constants known only later.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

/// `text` as a JSON string, quotes included.
pub fn string(text: &str) -> String {
    let mut json = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            control if control < ' ' => json.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

/// A JSON list of strings.
pub fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| string(text)).collect::<Vec<_>>().join(","))
}

/// Text in the making, of which some parts are constants of other types.
#[derive(Default)]
pub struct Parts(Vec<TokenStream>, String);

impl Parts {
    /// Adds text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.1.push_str(text);
        self
    }

    /// Adds a constant expression of type `&'static str`.
    pub fn constant(&mut self, expression: TokenStream) -> &mut Self {
        self.flush();
        self.0.push(expression);
        self
    }

    /// One constant expression of all parts.
    pub fn into_expression(mut self) -> TokenStream {
        self.flush();
        let parts = &self.0;
        quote!(::arena_guest::__concat!(#(#parts),*))
    }

    fn flush(&mut self) {
        if !self.1.is_empty() {
            self.0.push(std::mem::take(&mut self.1).into_token_stream());
        }
    }
}
