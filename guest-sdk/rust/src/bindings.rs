//! Generated from `wit/`, a copy of the host's contract. One module per world; what they share is generated once.

pub mod evaluator {
    wit_bindgen::generate!({
        path: "wit",
        world: "evaluator",
        pub_export_macro: true,
        generate_all,
        generate_unused_types: true,
    });
}

pub mod guardrail {
    wit_bindgen::generate!({
        path: "wit",
        world: "guardrail",
        pub_export_macro: true,
        with: {
            "arena:evaluator/log@0.1.0": crate::bindings::evaluator::arena::evaluator::log,
            "arena:evaluator/types@0.1.0": crate::bindings::evaluator::arena::evaluator::types,
        },
    });
}

pub mod template {
    wit_bindgen::generate!({
        path: "wit",
        world: "template",
        pub_export_macro: true,
        with: { "arena:evaluator/log@0.1.0": crate::bindings::evaluator::arena::evaluator::log },
    });
}
