//! `#[evaluator]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{FnArg, Item, ItemFn, ItemMod, Type};

use crate::attributes::{Keys, component_name, description};
use crate::json::{Parts, list, string};

const CHECK_KEYS: &[&str] = &["name", "aliases", "input", "capabilities"];

/// One check of the component.
struct Check {
    keys: Keys,
    description: String,
    /// Name of the function; `Component` stands in the same module.
    function: TokenStream,
    /// Type of the second argument; none for a check without params.
    params: Option<Type>,
}

pub fn expand(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    match syn::parse2::<Item>(item)? {
        Item::Fn(function) => {
            let keys = Keys::read(arguments.clone(), CHECK_KEYS)?;
            component_name(&keys.name, &arguments)?;
            let name = keys.name.clone();
            let ident = &function.sig.ident;
            let check = Check::of(keys, &function, quote!(#ident))?;
            let about = check.description.clone();
            let component = component(&name, &about, &[check], &function)?;
            Ok(quote!(#function #component))
        }
        Item::Mod(module) => of_module(arguments, module),
        other => Err(syn::Error::new_spanned(other, "#[evaluator] stands on a function or a module")),
    }
}

fn of_module(arguments: TokenStream, mut module: ItemMod) -> syn::Result<TokenStream> {
    let keys = Keys::read(arguments.clone(), &["name"])?;
    component_name(&keys.name, &arguments)?;
    let ident = module.ident.clone();
    let Some((_, items)) = &mut module.content else {
        return Err(syn::Error::new_spanned(module, "#[evaluator] needs the module's body here: mod checks { ... }"));
    };
    let mut checks = Vec::new();
    for item in items {
        let Item::Fn(function) = item else { continue };
        let Some(at) = function.attrs.iter().position(|attribute| attribute.path().is_ident("check")) else { continue };
        let attribute = function.attrs.remove(at);
        let keys = Keys::read(attribute.meta.require_list()?.tokens.clone(), CHECK_KEYS)?;
        let name = function.sig.ident.clone();
        checks.push(Check::of(keys, function, quote!(#name))?);
    }
    if checks.is_empty() {
        return Err(syn::Error::new_spanned(module, "no function here is marked #[check(name = \"...\")]"));
    }
    let component = component(&keys.name, &description(&module.attrs), &checks, &module)?;
    // Inside the module, where the types of the params have the names that the functions use.
    if let Some((_, items)) = &mut module.content {
        items.push(Item::Verbatim(component));
    }
    Ok(quote!(#module pub use #ident::Component;))
}

impl Check {
    fn of(keys: Keys, function: &ItemFn, path: TokenStream) -> syn::Result<Self> {
        let inputs: Vec<_> = function.sig.inputs.iter().collect();
        let params = match inputs.as_slice() {
            [_] => None,
            [_, FnArg::Typed(second)] => Some((*second.ty).clone()),
            _ => {
                let text = "a check takes (&Subject) or (&Subject, params)";
                return Err(syn::Error::new_spanned(&function.sig, text));
            }
        };
        Ok(Self { keys, description: description(&function.attrs), function: path, params })
    }

    fn params_type(&self) -> TokenStream {
        self.params.as_ref().map_or_else(|| quote!(::arena_guest::NoParams), ToTokens::to_token_stream)
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.keys.name).chain(&self.keys.aliases)
    }
}

fn component(name: &str, about: &str, checks: &[Check], item: &dyn ToTokens) -> syn::Result<TokenStream> {
    let mut seen = std::collections::BTreeSet::new();
    for check in checks {
        if let Some(twice) = check.names().find(|name| !seen.insert(name.as_str())) {
            return Err(syn::Error::new_spanned(item, format!("two checks are named {twice:?}")));
        }
    }
    let metadata = metadata(name, about, checks).into_expression();
    let (validate, evaluate): (Vec<_>, Vec<_>) = checks.iter().map(arms).unzip();
    let known = checks.iter().map(|check| check.keys.name.as_str()).collect::<Vec<_>>().join(", ");
    Ok(quote! {
        /// The component, as the host sees it.
        pub struct Component;

        impl ::arena_guest::Evaluator for Component {
            const METADATA: &'static str = #metadata;

            fn validate(check: &str, params: &str) -> ::core::result::Result<(), ::std::string::String> {
                match check {
                    #(#validate)*
                    _ => Err(::arena_guest::component::unknown_check(check, #known)),
                }
            }

            fn evaluate(
                check: &str,
                params: &str,
                subject: &::arena_guest::Subject<'_>,
            ) -> ::core::result::Result<::arena_guest::Verdict, ::arena_guest::CheckError> {
                match check {
                    #(#evaluate)*
                    _ => {
                        let text = ::arena_guest::component::unknown_check(check, #known);
                        Err(::arena_guest::CheckError::Other(text))
                    }
                }
            }
        }

        ::arena_guest::__export!(Component, Evaluator, Checks, evaluator_world);
    })
}

/// The arms of `validate` and `evaluate` for one check.
fn arms(check: &Check) -> (TokenStream, TokenStream) {
    let (names, params, function) = (check.names().collect::<Vec<_>>(), check.params_type(), &check.function);
    let call = match check.params {
        Some(_) => quote!(|given: #params| #function(subject, given)),
        None => quote!(|_: #params| #function(subject)),
    };
    (
        quote!(#(#names)|* => ::arena_guest::component::validate::<#params>(params),),
        quote!(#(#names)|* => ::arena_guest::component::evaluate(params, #call),),
    )
}

/// The metadata document. Types of params are known by name only, so their schemas are joined in later.
fn metadata(name: &str, about: &str, checks: &[Check]) -> Parts {
    let mut json = Parts::default();
    json.text(&format!("{{\"name\":{},\"version\":\"", string(name)));
    json.constant(quote!(env!("CARGO_PKG_VERSION")));
    json.text(&format!("\",\"world\":\"evaluator\",\"description\":{},\"checks\":[", string(about)));
    for (position, check) in checks.iter().enumerate() {
        let keys = &check.keys;
        json.text(if position == 0 { "{" } else { ",{" });
        json.text(&format!("\"name\":{},\"aliases\":{},", string(&keys.name), list(&keys.aliases)));
        json.text(&format!("\"description\":{},\"input\":{},", string(&check.description), string(&keys.input)));
        json.text("\"params\":");
        let params = check.params_type();
        json.constant(quote!(<#params as ::arena_guest::Params>::SCHEMA));
        json.text(&format!(",\"capabilities\":{}}}", list(&keys.capabilities)));
    }
    json.text("]}");
    json
}
