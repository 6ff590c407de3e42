//! `#[derive(Params)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Data, DeriveInput, Expr, Field, Fields, GenericArgument, LitStr, PathArguments, Token, Type};

use crate::attributes::description;
use crate::json::{Parts, list, string};

pub fn expand(item: TokenStream) -> syn::Result<TokenStream> {
    let input: DeriveInput = syn::parse2(item)?;
    let ident = &input.ident;
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(&input.generics, "params cannot be generic: their schema is a constant"));
    }
    let container = Serde::read(&input.attrs)?;
    match &input.data {
        Data::Struct(data) => {
            if container.rename_all.is_some() {
                return Err(syn::Error::new_spanned(ident, "rename_all on params: rename the fields one by one"));
            }
            let Fields::Named(fields) = &data.fields else {
                return Err(syn::Error::new_spanned(ident, "params need fields with names"));
            };
            let keywords = object(fields.named.iter(), container.default)?.into_expression();
            let hooks = hooks(&input.attrs)?;
            Ok(quote! {
                impl ::arena_guest::Schema for #ident {
                    const KEYWORDS: &'static str = #keywords;
                }
                impl ::arena_guest::Params for #ident {
                    const SCHEMA: &'static str =
                        ::arena_guest::__concat!("{", <#ident as ::arena_guest::Schema>::KEYWORDS, "}");
                    #(#hooks)*
                }
            })
        }
        Data::Enum(data) => {
            let mut words = Vec::new();
            for variant in &data.variants {
                if !matches!(variant.fields, Fields::Unit) {
                    return Err(syn::Error::new_spanned(variant, "an enum in params may only have plain words"));
                }
                let serde = Serde::read(&variant.attrs)?;
                let name = variant.ident.to_string();
                words.push(match (serde.rename, &container.rename_all) {
                    (Some(word), _) => word,
                    (None, Some(rule)) => renamed(&name, &rule.value())
                        .ok_or_else(|| syn::Error::new_spanned(rule, "use snake_case, kebab-case or lowercase"))?,
                    (None, None) => name,
                });
                words.extend(serde.aliases);
            }
            let keywords = format!("\"enum\":{}", list(&words));
            Ok(quote! {
                impl ::arena_guest::Schema for #ident {
                    const KEYWORDS: &'static str = #keywords;
                }
            })
        }
        Data::Union(_) => Err(syn::Error::new_spanned(ident, "params are a struct")),
    }
}

/// Keywords of an object with these fields.
fn object<'a>(fields: impl Iterator<Item = &'a Field>, all_optional: bool) -> syn::Result<Parts> {
    let mut json = Parts::default();
    json.text("\"type\":\"object\",\"properties\":{");
    let (mut required, mut either, mut first) = (Vec::new(), Vec::new(), true);
    for field in fields {
        let serde = Serde::read(&field.attrs)?;
        if serde.skip {
            continue;
        }
        let ident = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
        let name = serde.rename.unwrap_or_else(|| ident.trim_start_matches("r#").to_owned());
        for key in std::iter::once(&name).chain(&serde.aliases) {
            json.text(if first { "" } else { "," }).text(&string(key)).text(":");
            schema(&mut json, &field.ty, &description(&field.attrs));
            first = false;
        }
        if all_optional || serde.default || inner(&field.ty, "Option").is_some() {
            continue;
        }
        if serde.aliases.is_empty() {
            required.push(name);
        } else {
            let names = std::iter::once(name).chain(serde.aliases);
            let any: Vec<_> = names.map(|name| format!("{{\"required\":{}}}", list(&[name]))).collect();
            either.push(format!("{{\"anyOf\":[{}]}}", any.join(",")));
        }
    }
    json.text("},");
    if !required.is_empty() {
        json.text(&format!("\"required\":{},", list(&required)));
    }
    if !either.is_empty() {
        json.text(&format!("\"allOf\":[{}],", either.join(",")));
    }
    json.text("\"additionalProperties\":true");
    Ok(json)
}

/// Schema of one value.
fn schema(json: &mut Parts, ty: &Type, about: &str) {
    if let Some(ty) = inner(ty, "Option") {
        return schema(json, ty, about);
    }
    let about = if about.is_empty() { String::new() } else { format!("\"description\":{}", string(about)) };
    json.text("{").text(&about);
    let comma = if about.is_empty() { "" } else { "," };
    if let Some(item) = inner(ty, "Vec") {
        json.text(comma).text("\"type\":\"array\",\"items\":");
        schema(json, item, "");
    } else if !is_any(ty) {
        json.text(comma).constant(quote!(<#ty as ::arena_guest::Schema>::KEYWORDS));
    }
    json.text("}");
}

/// `T` of `Wrapper<T>`.
fn inner<'a>(ty: &'a Type, wrapper: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == wrapper)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// `serde_json::Value`, whose schema is empty.
fn is_any(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == "Value"))
}

/// `SubString` by one of serde's rules.
fn renamed(name: &str, rule: &str) -> Option<String> {
    let separator = match rule {
        "snake_case" => "_",
        "kebab-case" => "-",
        "lowercase" => "",
        _ => return None,
    };
    let mut word = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push_str(separator);
        }
        word.extend(letter.to_lowercase());
    }
    Some(word)
}

/// What we honour of serde's attributes.
#[derive(Default)]
struct Serde {
    default: bool,
    skip: bool,
    rename: Option<String>,
    rename_all: Option<LitStr>,
    aliases: Vec<String>,
}

impl Serde {
    fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut serde = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| serde.key(&meta))?;
        }
        Ok(serde)
    }

    fn key(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match key.as_str() {
            "rename" => self.rename = Some(meta.value()?.parse::<LitStr>()?.value()),
            "rename_all" => self.rename_all = Some(meta.value()?.parse()?),
            "alias" => self.aliases.push(meta.value()?.parse::<LitStr>()?.value()),
            "default" => {
                self.default = true;
                skip_value(meta)?;
            }
            "skip" | "skip_deserializing" => self.skip = true,
            "flatten" | "transparent" | "tag" | "untagged" | "from" | "try_from" => {
                return Err(meta.error("params do not know this attribute: their schema would be wrong"));
            }
            _ => skip_value(meta)?,
        }
        Ok(())
    }
}

/// Steps over `= value`, if there is one.
fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    }
    Ok(())
}

/// The methods that call what `#[params(validate = path, preflight = path)]` names.
fn hooks(attributes: &[Attribute]) -> syn::Result<Vec<TokenStream>> {
    let mut hooks = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("params")) {
        attribute.parse_nested_meta(|meta| {
            let method = match meta.path.get_ident().map(ToString::to_string).as_deref() {
                Some("validate") => quote!(check),
                Some("preflight") => quote!(preflight),
                _ => return Err(meta.error("expected validate = path or preflight = path")),
            };
            let path: syn::Path = meta.value()?.parse()?;
            hooks.push(quote! {
                fn #method(&self) -> ::core::result::Result<(), ::std::string::String> {
                    #path(self)
                }
            });
            Ok(())
        })?;
    }
    Ok(hooks)
}
