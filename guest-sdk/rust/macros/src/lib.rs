//! The attributes and the derive of `arena-guest`: takes an author's functions and structs, gives the metadata
//! document, the dispatch and the exports of a component. Never looks at anything but the item it stands on.

mod attributes;
mod derive;
mod evaluator;
mod guardrail;
mod json;
mod template;

use proc_macro::TokenStream;

/// Makes a component of one check (on a function) or of several (on a module of functions marked `#[check]`).
///
/// On a function: `name` (the check's and the component's), `aliases`, `input` (`reply`, `turn` or `conversation`;
/// default `reply`) and `capabilities`. The function takes `&Subject` and, if it has any, a params struct that
/// derives `Params`, and returns `Result<Verdict, CheckError>`. On a module: `name` of the component; each function
/// marked `#[check(name = ..., ...)]` takes the same keys. The first paragraph of the documentation becomes the
/// description. Beside the item stands `pub struct Component`, which implements `arena_guest::Evaluator`.
#[proc_macro_attribute]
pub fn evaluator(arguments: TokenStream, item: TokenStream) -> TokenStream {
    evaluator::expand(arguments.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Makes a component that watches streams of a module of functions marked `#[check(name = ..., aliases = [...])]`. Each takes
/// a params struct that derives `Params`, and if it wants to know it the direction (`&str`: `input` or `output`), and returns
/// `Result<impl Guard, CheckError>`: what watches one stream. Takes `name`.
#[proc_macro_attribute]
pub fn guardrail(arguments: TokenStream, item: TokenStream) -> TokenStream {
    guardrail::expand(arguments.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Makes a template component of a module with two functions: `variables(&str) -> Result<Vec<String>, TemplateError>`
/// and `render(&str, &serde_json::Map<String, Value>) -> Result<String, TemplateError>`. Takes `name`.
#[proc_macro_attribute]
pub fn template_engine(arguments: TokenStream, item: TokenStream) -> TokenStream {
    template::expand(arguments.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Gives a struct (or an enum of plain words) its JSON Schema, from its fields, their documentation and its `serde`
/// attributes: `rename`, `alias`, `default`, `skip` on fields, `rename_all` on enums. Unknown params are allowed.
/// `#[params(validate = path)]` names a function `fn(&Self) -> Result<(), String>` for what a schema cannot say,
/// `#[params(preflight = path)]` one that is too dear to repeat before each evaluation.
#[proc_macro_derive(Params, attributes(params, serde))]
pub fn params(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}
