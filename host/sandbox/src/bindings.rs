//! Host side of the contract, generated from `wit/`. The three worlds share the types of the first.

#[allow(missing_docs, reason = "generated; documented in the WIT")]
pub(crate) mod evaluator {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "evaluator",
        imports: {
            "arena:evaluator/judge.ask": async | trappable,
            "arena:evaluator/embed.embed": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: { "arena:evaluator/subject.conversation": crate::state::Subject },
    });
}

#[allow(missing_docs, reason = "generated; documented in the WIT")]
pub(crate) mod template {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "template",
        imports: { default: trappable },
        exports: { default: async },
        with: { "arena:evaluator/log": super::evaluator::arena::evaluator::log },
    });
}

#[allow(missing_docs, reason = "generated; documented in the WIT")]
pub(crate) mod guardrail {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "guardrail",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "arena:evaluator/log": super::evaluator::arena::evaluator::log,
            "arena:evaluator/types": super::evaluator::arena::evaluator::types,
        },
    });
}

pub(crate) use evaluator::arena::evaluator::{embed, judge, log, subject, types};
