//! Components that no compiler would write: hand-written core modules in our world, and sections put behind the end
//! of a sound component.

use wasm_encoder::{ComponentSection, ComponentSectionId, CustomSection, InstanceSection, ModuleArg, RawSection};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const CONTRACT: &str = include_str!("../../../../wit/arena-evaluator.wit");
/// Name of the check that crafted components offer, and of the components themselves.
pub const CRAFTED: &str = "crafted";
/// What they say of themselves.
pub const METADATA: &str = r#"{"name":"crafted","version":"0.1.0","world":"evaluator","checks":[{"name":"crafted","input":"reply","params":{},"capabilities":[]}]}"#;

/// Where in its memory the verdict lies.
pub const VERDICT_AT: usize = 1024;
const METADATA_AT: usize = 2048;
const SCRATCH_AT: usize = 4096;

/// A hand-written evaluator.
pub struct Crafted<'a> {
    /// Further fields of the core module: globals, tables, functions, a start function.
    pub fields: &'a str,
    /// Imports beside the one it needs.
    pub imports: &'a str,
    /// What `evaluate` does before it returns its verdict.
    pub evaluate: &'a str,
    /// The last instruction of `evaluate`: where the verdict is.
    pub returns: usize,
    /// The memory's limits, pages.
    pub memory: &'a str,
    /// What `describe` does first.
    pub describe: &'a str,
    /// The verdict's bytes.
    pub verdict: Verdict,
    /// A further package and world; the evaluator world alone if empty.
    pub world: &'a str,
    /// Content of the metadata section; none for no section.
    pub metadata: Option<&'a str>,
}

impl Default for Crafted<'_> {
    fn default() -> Self {
        let (fields, imports, evaluate, describe, world) = ("", "", "", "", "");
        let (returns, memory, verdict, metadata) = (VERDICT_AT, "1", Verdict::default(), Some(METADATA));
        Self { fields, imports, evaluate, returns, memory, describe, verdict, world, metadata }
    }
}

impl Crafted<'_> {
    /// The component's bytes.
    pub fn build(&self) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let mut package = resolve.push_str("arena-evaluator.wit", CONTRACT).unwrap();
        let mut world = "evaluator";
        if !self.world.is_empty() {
            package = resolve.push_str("crafted.wit", self.world).unwrap();
            world = "crafted";
        }
        let world = resolve.select_world(&[package], Some(world)).unwrap();
        let mut core = wat::parse_str(self.core()).unwrap();
        embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8, false).unwrap();
        let component = ComponentEncoder::default().module(&core).unwrap().validate(true).encode().unwrap();
        match self.metadata {
            Some(metadata) => with_metadata(component, metadata),
            None => component,
        }
    }

    fn core(&self) -> String {
        let Self { fields, imports, evaluate, returns, memory, describe, verdict, .. } = self;
        let (describe_at, validate_at) = (512, 520);
        let pointer: Vec<u8> =
            [METADATA_AT as u32, METADATA.len() as u32].iter().flat_map(|n| n.to_le_bytes()).collect();
        format!(
            r#"(module
                (import "arena:evaluator/subject@0.1.0" "[resource-drop]conversation" (func $drop (param i32)))
                {imports}
                (memory (export "memory") {memory})
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const {SCRATCH_AT}))
                (func (export "arena:evaluator/checks@0.1.0#describe") (result i32) {describe} (i32.const {describe_at}))
                (func (export "arena:evaluator/checks@0.1.0#validate") (param i32 i32 i32 i32) (result i32)
                    (i32.const {validate_at}))
                (func (export "arena:evaluator/checks@0.1.0#evaluate") (param i32 i32 i32 i32 i32) (result i32)
                    (local $i i32)
                    (call $drop (local.get 4))
                    {evaluate}
                    (i32.const {returns}))
                (data (i32.const {describe_at}) "{}")
                (data (i32.const {VERDICT_AT}) "{}")
                (data (i32.const {METADATA_AT}) "{}")
                {fields})"#,
            escaped(&pointer),
            escaped(&verdict.bytes()),
            escaped(METADATA.as_bytes()),
        )
    }
}

/// The words of a verdict as they lie in memory.
#[derive(Clone, Copy, Default)]
pub struct Verdict {
    /// 0 for a verdict, 1 for an error; nothing else is allowed.
    pub kind: u8,
    /// Pointer and length.
    pub reason: (u32, u32),
    /// Pointer and number of elements of 16 bytes: name, then value.
    pub metrics: (u32, u32),
}

impl Verdict {
    fn bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[0] = self.kind;
        bytes[8] = 1;
        bytes[16..24].copy_from_slice(&1.0_f64.to_le_bytes());
        (bytes[36], bytes[37]) = (1, 1);
        for (at, word) in [(40, self.reason.0), (44, self.reason.1), (56, self.metrics.0), (60, self.metrics.1)] {
            bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

/// Puts a metadata section behind the end.
pub fn with_metadata(mut component: Vec<u8>, metadata: &str) -> Vec<u8> {
    let section = CustomSection { name: arena_model::METADATA_SECTION.into(), data: metadata.as_bytes().into() };
    section.append_to_component(&mut component);
    component
}

/// Puts a core module and `times` instances of it behind the end.
pub fn with_instances(mut component: Vec<u8>, module: &[u8], times: u32) -> Vec<u8> {
    let (mut depth, mut modules) = (0, 0);
    for payload in Parser::new(0).parse_all(&component) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } => {
                modules += u32::from(depth == 0);
                depth += 1;
            }
            Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            _ => {}
        }
    }
    RawSection { id: ComponentSectionId::CoreModule as u8, data: module }.append_to_component(&mut component);
    let mut instances = InstanceSection::new();
    for _ in 0..times {
        instances.instantiate(modules, std::iter::empty::<(&str, ModuleArg)>());
    }
    instances.append_to_component(&mut component);
    component
}

/// A core module from text.
pub fn module(fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {fields})")).unwrap()
}

/// A core module of many functions that keep a compiler busy.
pub fn busywork(functions: u32, operations: u32) -> Vec<u8> {
    use wasm_encoder::{CodeSection, Function, FunctionSection, Module, TypeSection, ValType};
    let (mut types, mut declared, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([ValType::I64, ValType::I64], [ValType::I64]);
    for number in 0..functions {
        declared.function(0);
        let mut body = Function::new([(4, ValType::I64)]);
        let mut sink = body.instructions();
        sink.local_get(0);
        for operation in 0..operations {
            sink.local_get(operation % 6).i64_const(i64::from(number ^ operation)).i64_xor().i64_mul();
            sink.local_tee((operation + 3) % 6);
        }
        sink.end();
        code.function(&body);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&code);
    module.finish()
}
