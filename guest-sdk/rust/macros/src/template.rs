//! `#[template_engine]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Item, ItemMod};

use crate::attributes::{Keys, component_name, description};
use crate::json::{Parts, string};

pub fn expand(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let keys = Keys::read(arguments.clone(), &["name"])?;
    component_name(&keys.name, &arguments)?;
    let module: ItemMod = syn::parse2(item)?;
    let items = module.content.as_ref().map(|(_, items)| items.as_slice()).unwrap_or_default();
    for needed in ["variables", "render"] {
        if !items.iter().any(|item| matches!(item, Item::Fn(function) if function.sig.ident == needed)) {
            return Err(syn::Error::new_spanned(&module, format!("the module needs a function `{needed}`")));
        }
    }
    let mut json = Parts::default();
    json.text(&format!("{{\"name\":{},\"version\":\"", string(&keys.name)));
    json.constant(quote!(env!("CARGO_PKG_VERSION")));
    let about = description(&module.attrs);
    json.text(&format!("\",\"world\":\"template\",\"description\":{},\"checks\":[]}}", string(&about)));
    let (metadata, ident) = (json.into_expression(), &module.ident);
    Ok(quote! {
        #module

        /// The component, as the host sees it.
        pub struct Component;

        impl ::arena_guest::TemplateEngine for Component {
            const METADATA: &'static str = #metadata;

            fn variables(
                template: &str,
            ) -> ::core::result::Result<::std::vec::Vec<::std::string::String>, ::arena_guest::TemplateError> {
                #ident::variables(template)
            }

            fn render(
                template: &str,
                variables: &::arena_guest::serde_json::Map<::std::string::String, ::arena_guest::serde_json::Value>,
            ) -> ::core::result::Result<::std::string::String, ::arena_guest::TemplateError> {
                #ident::render(template, variables)
            }
        }

        ::arena_guest::__export!(Component, TemplateEngine, Templating, template_world);
    })
}
