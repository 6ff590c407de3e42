//! Reading attributes: documentation and the keys of our own.

use proc_macro2::TokenStream;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprArray, ExprLit, Lit, LitStr, MetaNameValue, Token};

/// The first paragraph of an item's documentation, as one line.
pub fn description(attributes: &[Attribute]) -> String {
    let mut words = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let syn::Meta::NameValue(MetaNameValue { value: Expr::Lit(ExprLit { lit: Lit::Str(line), .. }), .. }) =
            &attribute.meta
        else {
            continue;
        };
        let line = line.value();
        if line.trim().is_empty() && !words.is_empty() {
            break;
        }
        words.extend(line.split_whitespace().map(str::to_owned));
    }
    words.join(" ")
}

/// The keys of `#[evaluator]`, `#[guardrail]`, `#[check]` and `#[template_engine]`.
#[derive(Default)]
pub struct Keys {
    pub name: String,
    pub aliases: Vec<String>,
    pub input: String,
    pub capabilities: Vec<String>,
}

impl Keys {
    /// Reads `name = "...", ...`; only keys in `allowed` may stand there.
    pub fn read(tokens: TokenStream, allowed: &[&str]) -> syn::Result<Self> {
        let mut keys = Self { input: "reply".to_owned(), ..Self::default() };
        let parsed = Punctuated::<MetaNameValue, Token![,]>::parse_terminated.parse2(tokens.clone())?;
        for pair in &parsed {
            let key = pair.path.get_ident().map(ToString::to_string).unwrap_or_default();
            if !allowed.contains(&key.as_str()) {
                return Err(syn::Error::new_spanned(&pair.path, format!("expected one of {}", allowed.join(", "))));
            }
            match key.as_str() {
                "name" => keys.name = text(&pair.value)?,
                "input" => keys.input = text(&pair.value)?,
                "aliases" => keys.aliases = texts(&pair.value)?,
                _ => keys.capabilities = texts(&pair.value)?,
            }
        }
        if keys.name.is_empty() {
            return Err(syn::Error::new_spanned(tokens, "a name is needed: name = \"...\""));
        }
        if !["reply", "turn", "conversation"].contains(&keys.input.as_str()) {
            return Err(syn::Error::new_spanned(tokens, "input is \"reply\", \"turn\" or \"conversation\""));
        }
        Ok(keys)
    }
}

/// Component names go into file names, images and records.
pub fn component_name(name: &str, at: &TokenStream) -> syn::Result<()> {
    let ok = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '-' | '_'));
    let text = "a component's name is made of lower case letters, digits, - and _, a letter first";
    if ok { Ok(()) } else { Err(syn::Error::new_spanned(at, text)) }
}

fn literal(value: &Expr) -> syn::Result<&LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text),
        other => Err(syn::Error::new_spanned(other, "expected a string")),
    }
}

fn text(value: &Expr) -> syn::Result<String> {
    literal(value).map(LitStr::value)
}

fn texts(value: &Expr) -> syn::Result<Vec<String>> {
    match value {
        Expr::Array(ExprArray { elems, .. }) => elems.iter().map(text).collect(),
        other => Err(syn::Error::new_spanned(other, "expected a list of strings: [\"...\"]")),
    }
}
