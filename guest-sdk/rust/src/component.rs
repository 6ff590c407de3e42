//! What the attributes implement, and the glue between that and the exports of the component. Authors need nothing
//! of this module but the traits.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::Once;

use serde_json::{Map, Value};

use crate::bindings::{evaluator, guardrail, template};
use crate::{Action, CheckError, Guard, Params, Subject, TemplateError, Verdict};

#[doc(hidden)]
pub use crate::bindings::{evaluator as evaluator_world, guardrail as guardrail_world, template as template_world};

/// A component of one or more checks. `#[evaluator]` implements it for a unit struct named `Component`.
pub trait Evaluator {
    /// The metadata document, JSON.
    const METADATA: &'static str;

    /// Whether `params` (a JSON object) suits the check; the error says which parameter is wrong.
    fn validate(check: &str, params: &str) -> Result<(), String>;

    /// Judges. Params that do not suit are [`CheckError::BadParams`].
    fn evaluate(check: &str, params: &str, subject: &Subject<'_>) -> Result<Verdict, CheckError>;
}

/// A component of one or more guardrails on streams. `#[guardrail]` implements it for a unit struct named `Component`.
pub trait Guardrail {
    /// The metadata document, JSON.
    const METADATA: &'static str;

    /// Whether `params` (a JSON object) suits the check; the error says which parameter is wrong.
    fn validate(check: &str, params: &str) -> Result<(), String>;

    /// Begins to watch one stream; `direction` is `input` or `output`. Params that do not suit are
    /// [`CheckError::BadParams`].
    fn start(check: &str, params: &str, direction: &str) -> Result<Box<dyn Guard>, CheckError>;
}

/// A template engine. `#[template_engine]` implements it for a unit struct named `Component`.
pub trait TemplateEngine {
    /// The metadata document, JSON.
    const METADATA: &'static str;

    /// Names the template needs a value for, sorted, each once.
    fn variables(template: &str) -> Result<Vec<String>, TemplateError>;

    /// Renders with these values.
    fn render(template: &str, variables: &Map<String, Value>) -> Result<String, TemplateError>;
}

/// The exports of an evaluator component.
#[doc(hidden)]
pub struct Checks<C>(PhantomData<C>);

impl<C: Evaluator> evaluator::exports::arena::evaluator::checks::Guest for Checks<C> {
    fn describe() -> String {
        C::METADATA.to_owned()
    }

    fn validate(check: String, params: String) -> Result<(), String> {
        report_panics();
        C::validate(&check, &params)
    }

    fn evaluate(
        check: String,
        params: String,
        subject: &evaluator::arena::evaluator::subject::Conversation,
    ) -> Result<Verdict, CheckError> {
        report_panics();
        C::evaluate(&check, &params, &Subject::host(subject))
    }
}

/// The exports of a guardrail component.
#[doc(hidden)]
pub struct Streaming<C>(PhantomData<C>);

thread_local! {
    /// The guardrail of this instance's one stream.
    static GUARD: RefCell<Option<Box<dyn Guard>>> = const { RefCell::new(None) };
}

fn watching(ask: impl FnOnce(&mut dyn Guard) -> Result<Action, CheckError>) -> Result<Action, CheckError> {
    GUARD.with_borrow_mut(|guard| match guard {
        Some(guard) => ask(guard.as_mut()),
        None => Err(CheckError::Other("the stream was not started".to_owned())),
    })
}

impl<C: Guardrail> guardrail::exports::arena::evaluator::stream_guard::Guest for Streaming<C> {
    fn describe() -> String {
        C::METADATA.to_owned()
    }

    fn validate(check: String, params: String) -> Result<(), String> {
        report_panics();
        C::validate(&check, &params)
    }

    fn start(check: String, params: String, direction: String) -> Result<(), CheckError> {
        report_panics();
        let guard = C::start(&check, &params, &direction)?;
        GUARD.set(Some(guard));
        Ok(())
    }

    fn push(chunk: String) -> Result<Action, CheckError> {
        watching(|guard| guard.push(&chunk))
    }

    fn finish() -> Result<Action, CheckError> {
        watching(|guard| guard.finish())
    }
}

/// The exports of a template component.
#[doc(hidden)]
pub struct Templating<C>(PhantomData<C>);

impl<C: TemplateEngine> template::exports::arena::evaluator::templating::Guest for Templating<C> {
    fn describe() -> String {
        C::METADATA.to_owned()
    }

    fn variables(template: String) -> Result<Vec<String>, TemplateError> {
        report_panics();
        C::variables(&template)
    }

    fn render(template: String, variables: String) -> Result<String, TemplateError> {
        report_panics();
        let variables = serde_json::from_str(&variables)
            .map_err(|error| TemplateError::Other(format!("variables must be a JSON object: {error}")))?;
        C::render(&template, &variables)
    }
}

/// A panic ends in a trap that says nothing: its message goes to the log first.
fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|panic| crate::log::error(panic.to_string()))));
}

#[doc(hidden)]
pub fn validate<P: Params>(params: &str) -> Result<(), String> {
    crate::params::parse::<P>(params)?.preflight()
}

#[doc(hidden)]
pub fn evaluate<P: Params>(
    params: &str,
    check: impl FnOnce(P) -> Result<Verdict, CheckError>,
) -> Result<Verdict, CheckError> {
    crate::params::call(params, check)
}

#[doc(hidden)]
pub fn start<P: Params, G: Guard + 'static>(
    params: &str,
    begin: impl FnOnce(P) -> Result<G, CheckError>,
) -> Result<Box<dyn Guard>, CheckError> {
    crate::params::call(params, |given| begin(given).map(|guard| Box::new(guard) as Box<dyn Guard>))
}

#[doc(hidden)]
pub fn unknown_check(check: &str, known: &str) -> String {
    format!("this component has no check {}; it has {known}", crate::excerpt(check, 60))
}

/// Total length of `parts` in bytes.
#[doc(hidden)]
pub const fn length(parts: &[&str]) -> usize {
    let (mut total, mut part) = (0, 0);
    while part < parts.len() {
        total += parts[part].len();
        part += 1;
    }
    total
}

/// `parts` one after the other; `N` must be their total length.
#[doc(hidden)]
pub const fn join<const N: usize>(parts: &[&str]) -> [u8; N] {
    let (mut joined, mut at, mut part) = ([0; N], 0, 0);
    while part < parts.len() {
        let bytes = parts[part].as_bytes();
        let mut byte = 0;
        while byte < bytes.len() {
            joined[at] = bytes[byte];
            at += 1;
            byte += 1;
        }
        part += 1;
    }
    joined
}

/// Joins constant strings at compile time, those of other types' constants included.
#[doc(hidden)]
#[macro_export]
macro_rules! __concat {
    ($($part:expr),* $(,)?) => {{
        const PARTS: &[&str] = &[$($part),*];
        const BYTES: [u8; $crate::component::length(PARTS)] = $crate::component::join(PARTS);
        match ::core::str::from_utf8(&BYTES) {
            Ok(text) => text,
            Err(_) => panic!("joined strings are UTF-8"),
        }
    }};
}

/// Emits the metadata section and the exports of a component. `#[evaluator]`, `#[guardrail]` and `#[template_engine]`
/// call it.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($component:ident, $trait:ident, $exports:ident, $world:ident) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "symbols and sections that the host looks for")]
        const _: () = {
            const METADATA: &str = <$component as $crate::$trait>::METADATA;
            #[used]
            #[unsafe(link_section = "arena:metadata")]
            static SECTION: [u8; METADATA.len()] = $crate::component::join(&[METADATA]);
            type Exports = $crate::component::$exports<$component>;
    $crate::component::$world::export!(Exports with_types_in $crate::component::$world);
        };
    };
}
