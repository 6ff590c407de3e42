//! `#[guardrail]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{FnArg, Item, ItemFn, ItemMod, Type};

use crate::attributes::{Keys, component_name, description};
use crate::json::{Parts, list, string};

/// One guardrail of the component.
struct Check {
    keys: Keys,
    description: String,
    function: TokenStream,
    params: Type,
    /// Whether the function wants to know the direction.
    directed: bool,
}

pub fn expand(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let keys = Keys::read(arguments.clone(), &["name"])?;
    component_name(&keys.name, &arguments)?;
    let mut module: ItemMod = syn::parse2(item)?;
    let ident = module.ident.clone();
    let mut checks = Vec::new();
    for item in module.content.iter_mut().flat_map(|(_, items)| items) {
        let Item::Fn(function) = item else { continue };
        let Some(at) = function.attrs.iter().position(|attribute| attribute.path().is_ident("check")) else { continue };
        let attribute = function.attrs.remove(at);
        let keys = Keys::read(attribute.meta.require_list()?.tokens.clone(), &["name", "aliases"])?;
        checks.push(Check::of(keys, function)?);
    }
    if checks.is_empty() {
        return Err(syn::Error::new_spanned(module, "no function here is marked #[check(name = \"...\")]"));
    }
    let mut seen = std::collections::BTreeSet::new();
    for name in checks.iter().flat_map(Check::names) {
        if !seen.insert(name) {
            return Err(syn::Error::new_spanned(&module.ident, format!("two guardrails are named {name:?}")));
        }
    }
    let component = component(&keys.name, &description(&module.attrs), &checks);
    // Inside the module, where the types of the params have the names that the functions use.
    if let Some((_, items)) = &mut module.content {
        items.push(Item::Verbatim(component));
    }
    Ok(quote!(#module pub use #ident::Component;))
}

impl Check {
    fn of(keys: Keys, function: &ItemFn) -> syn::Result<Self> {
        let inputs: Vec<_> = function.sig.inputs.iter().collect();
        let (params, directed) = match inputs.as_slice() {
            [FnArg::Typed(params)] => (params, false),
            [FnArg::Typed(params), FnArg::Typed(_)] => (params, true),
            _ => {
                let text = "a guardrail takes (params) or (params, direction: &str)";
                return Err(syn::Error::new_spanned(&function.sig, text));
            }
        };
        let name = &function.sig.ident;
        let params = (*params.ty).clone();
        Ok(Self { keys, description: description(&function.attrs), function: quote!(#name), params, directed })
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.keys.name).chain(&self.keys.aliases)
    }
}

fn component(name: &str, about: &str, checks: &[Check]) -> TokenStream {
    let metadata = metadata(name, about, checks).into_expression();
    let validate = checks.iter().map(|check| {
        let (names, params) = (check.names(), &check.params);
        quote!(#(#names)|* => ::arena_guest::component::validate::<#params>(params),)
    });
    let start = checks.iter().map(|check| {
        let (names, params, function) = (check.names(), &check.params, &check.function);
        let call = if check.directed { quote!(#function(given, direction)) } else { quote!(#function(given)) };
        quote!(#(#names)|* => ::arena_guest::component::start(params, |given: #params| #call),)
    });
    let known = checks.iter().map(|check| check.keys.name.as_str()).collect::<Vec<_>>().join(", ");
    quote! {
        /// The component, as the host sees it.
        pub struct Component;

        impl ::arena_guest::Guardrail for Component {
            const METADATA: &'static str = #metadata;

            fn validate(check: &str, params: &str) -> ::core::result::Result<(), ::std::string::String> {
                match check {
                    #(#validate)*
                    _ => Err(::arena_guest::component::unknown_check(check, #known)),
                }
            }

            #[allow(unused_variables, reason = "not every guardrail asks for the direction")]
            fn start(
                check: &str,
                params: &str,
                direction: &str,
            ) -> ::core::result::Result<::std::boxed::Box<dyn ::arena_guest::Guard>, ::arena_guest::CheckError> {
                match check {
                    #(#start)*
                    _ => {
                        let text = ::arena_guest::component::unknown_check(check, #known);
                        Err(::arena_guest::CheckError::Other(text))
                    }
                }
            }
        }

        ::arena_guest::__export!(Component, Guardrail, Streaming, guardrail_world);
    }
}

fn metadata(name: &str, about: &str, checks: &[Check]) -> Parts {
    let mut json = Parts::default();
    json.text(&format!("{{\"name\":{},\"version\":\"", string(name)));
    json.constant(quote!(env!("CARGO_PKG_VERSION")));
    json.text(&format!("\",\"world\":\"guardrail\",\"description\":{},\"checks\":[", string(about)));
    for (position, check) in checks.iter().enumerate() {
        let keys = &check.keys;
        json.text(if position == 0 { "{" } else { ",{" });
        json.text(&format!("\"name\":{},\"aliases\":{},", string(&keys.name), list(&keys.aliases)));
        json.text(&format!("\"description\":{},\"input\":\"reply\",", string(&check.description)));
        json.text("\"params\":");
        let params = &check.params;
        json.constant(quote!(<#params as ::arena_guest::Params>::SCHEMA));
        json.text(",\"capabilities\":[]}");
    }
    json.text("]}");
    json
}
