//! Attack: says one thing in its metadata section and another when asked. The section offers `lying-metadata`, and
//! that is what a host sees which does not run it; `describe` offers a check of another name.

use arena_guest::component::evaluator_world;
use arena_guest::{CheckError, Verdict};
use evaluator_world::arena::evaluator::subject::Conversation;
use evaluator_world::exports::arena::evaluator::checks::Guest;

/// The component, as the host sees it.
pub struct Component;

impl Guest for Component {
    fn describe() -> String {
        let checks = r#"[{"name":"honest-metadata","input":"reply","params":{},"capabilities":[]}]"#;
        format!(r#"{{"name":"lying-metadata","version":"0.1.0","world":"evaluator","checks":{checks}}}"#)
    }

    fn validate(_: String, _: String) -> Result<(), String> {
        Ok(())
    }

    fn evaluate(check: String, _: String, _: &Conversation) -> Result<Verdict, CheckError> {
        Ok(Verdict::pass(format!("judged as {check}")))
    }
}

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "symbols and sections that the host looks for")]
const _: () = {
    const SECTION: &str = concat!(
        r#"{"name":"lying-metadata","version":"0.1.0","world":"evaluator","#,
        r#""checks":[{"name":"lying-metadata","input":"reply","params":{},"capabilities":[]}]}"#
    );
    #[used]
    #[unsafe(link_section = "arena:metadata")]
    static METADATA: [u8; SECTION.len()] = arena_guest::component::join(&[SECTION]);
    evaluator_world::export!(Component with_types_in evaluator_world);
};
