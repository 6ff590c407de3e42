//! The last step of building a guest: takes the core module that a compiler wrote for `wasm32-unknown-unknown`,
//! gives the component that the host loads. It encodes and validates, and it lifts the metadata section so that
//! readers need not look into nested modules. It never runs the guest, never reads or writes files, and never
//! judges whether the host would accept the component.

use std::error::Error as StdError;

use wasm_encoder::{CustomSection, Encode, Section};
use wasmparser::{Encoding, Parser, Payload};
use wit_component::ComponentEncoder;

/// Name of the custom section in which a guest describes itself, as JSON.
pub const METADATA_SECTION: &str = "arena:metadata";

/// Why a core module did not become a component.
#[derive(Debug, thiserror::Error)]
pub enum ComponentizeError {
    /// The bytes are no WebAssembly binary, or are cut off.
    #[error("not a WebAssembly module; give the .wasm file that cargo wrote for wasm32-unknown-unknown")]
    NotWasm(#[source] wasmparser::BinaryReaderError),
    /// The bytes are a component already.
    #[error("this is a component already; give the core module that cargo wrote for wasm32-unknown-unknown")]
    AlreadyComponent,
    /// A reader could not tell which of several sections counts.
    #[error("{count} custom sections named {METADATA_SECTION:?}; a guest has at most one")]
    DuplicateMetadata {
        /// Sections found, at least two.
        count: usize,
    },
    /// The module's imports and exports do not fit the world it was built for, or it names none.
    #[error("cannot make a component of this module: does it export one of the worlds of the contract?")]
    Encode(#[source] Box<dyn StdError + Send + Sync>),
}

/// Encodes a core module as a component and validates the outcome.
///
/// The bytes of the module's `arena:metadata` section also stand in a section of that name on the component's own
/// level; a module without one gives a component without one. Equal input gives equal bytes.
///
/// # Errors
/// See [`ComponentizeError`]; nothing is written anywhere.
pub fn componentize(core_module: &[u8]) -> Result<Vec<u8>, ComponentizeError> {
    let metadata = metadata(core_module)?;
    let mut component = ComponentEncoder::default()
        .module(core_module)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| ComponentizeError::Encode(error.into()))?;
    if let Some(data) = metadata {
        let section = CustomSection { name: METADATA_SECTION.into(), data: data.into() };
        component.push(section.id());
        section.encode(&mut component);
    }
    Ok(component)
}

/// The metadata section of a core module; reads the whole binary, so a truncated one is an error here.
///
/// # Errors
/// See [`ComponentizeError`].
pub fn metadata(core_module: &[u8]) -> Result<Option<&[u8]>, ComponentizeError> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(core_module) {
        match payload.map_err(ComponentizeError::NotWasm)? {
            Payload::Version { encoding: Encoding::Component, .. } => return Err(ComponentizeError::AlreadyComponent),
            Payload::CustomSection(section) if section.name() == METADATA_SECTION => found.push(section.data()),
            _ => {}
        }
    }
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => Err(ComponentizeError::DuplicateMetadata { count: several.len() }),
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, ExportKind, ExportSection, Function, FunctionSection, Module, TypeSection, ValType,
    };
    use wit_component::{StringEncoding, embed_component_metadata};
    use wit_parser::Resolve;

    use super::*;

    const METADATA: &[u8] = br#"{"name":"probe","version":"1.0.0"}"#;

    /// A core module that exports `answer`, with as many metadata sections as asked.
    fn core(export: &str, metadata: usize) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], [ValType::I32]);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut exports = ExportSection::new();
        exports.export(export, ExportKind::Func, 0);
        let mut body = Function::new([]);
        body.instructions().i32_const(42).end();
        let mut code = CodeSection::new();
        code.function(&body);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&exports).section(&code);
        for _ in 0..metadata {
            module.section(&CustomSection { name: METADATA_SECTION.into(), data: METADATA.into() });
        }
        let mut bytes = module.finish();
        let mut resolve = Resolve::default();
        let text = "package test:probe; world probe { export answer: func() -> u32; }";
        let package = resolve.push_str("probe.wit", text).unwrap();
        let world = resolve.select_world(&[package], None).unwrap();
        embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8, false).unwrap();
        bytes
    }

    /// Metadata sections on the component's own level, those of nested modules left out.
    fn hoisted(component: &[u8]) -> Vec<Vec<u8>> {
        let (mut depth, mut found) = (0, Vec::new());
        for payload in Parser::new(0).parse_all(component) {
            match payload.unwrap() {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::CustomSection(s) if s.name() == METADATA_SECTION && depth == 1 => {
                    found.push(s.data().to_vec());
                }
                _ => {}
            }
        }
        found
    }

    #[test]
    fn a_module_becomes_a_component_with_its_metadata_on_top() {
        let component = componentize(&core("answer", 1)).unwrap();
        assert!(Parser::is_component(&component));
        assert_eq!(hoisted(&component), [METADATA.to_vec()]);
        assert_eq!(componentize(&core("answer", 1)).unwrap(), component, "equal input, equal bytes");
    }

    #[test]
    fn no_metadata_stays_no_metadata() {
        assert!(hoisted(&componentize(&core("answer", 0)).unwrap()).is_empty());
    }

    #[test]
    fn two_metadata_sections_are_refused() {
        let error = componentize(&core("answer", 2)).unwrap_err();
        assert!(matches!(error, ComponentizeError::DuplicateMetadata { count: 2 }), "{error}");
    }

    #[test]
    fn a_missing_export_is_refused_with_its_name() {
        let error = componentize(&core("other", 1)).unwrap_err();
        let ComponentizeError::Encode(source) = &error else { panic!("{error}") };
        assert!(source.to_string().contains("answer") || format!("{source:?}").contains("answer"), "{source:?}");
    }

    #[test]
    fn a_component_a_truncated_module_and_text_are_refused() {
        let module = core("answer", 1);
        let component = componentize(&module).unwrap();
        assert!(matches!(componentize(&component).unwrap_err(), ComponentizeError::AlreadyComponent));
        let cut = &module[..module.len() / 2];
        assert!(matches!(componentize(cut).unwrap_err(), ComponentizeError::NotWasm(_)));
        assert!(matches!(componentize(b"(module)").unwrap_err(), ComponentizeError::NotWasm(_)));
    }
}
