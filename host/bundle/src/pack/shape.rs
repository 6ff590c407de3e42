//! What a pack may look like, by version of the format.

use super::Version;
use crate::shape::{Field, Shape, TEXT_MAP, TEXTS, may, must};

/// The shape of a whole pack.
pub(super) fn of(version: Version) -> &'static Shape {
    match version {
        Version::V1_0 => &V1_0,
        Version::V1_1 => &V1_1,
        Version::V1_2 => &V1_2,
        Version::V1_3 => &V1_3,
        Version::V1_3_1 => &V1_3_1,
        Version::V1_4 => &V1_4,
        Version::V1_5 => &V1_5,
    }
}

/// A record of the fields that all versions have, then those given.
macro_rules! pack {
    ($prompt:expr $(, $more:expr)*) => {
        Shape::Record(&[
            may("$schema", Shape::Text),
            must("id", Shape::Text),
            must("name", Shape::Text),
            must("version", Shape::Text),
            may("description", Shape::Text),
            must("template_engine", Shape::Record(TEMPLATE_ENGINE)),
            must("prompts", Shape::Map(&$prompt)),
            may("fragments", TEXT_MAP),
            may("tools", Shape::Map(&Shape::Record(TOOL))),
            may("metadata", Shape::Open),
            may("compilation", Shape::Open),
            $($more,)*
        ])
    };
}

macro_rules! prompt {
    ($variable:expr, $validator:expr $(, $more:expr)*) => {
        Shape::Record(&[
            must("id", Shape::Text),
            must("name", Shape::Text),
            must("version", Shape::Text),
            must("system_template", Shape::Text),
            may("description", Shape::Text),
            may("variables", Shape::List(&Shape::Record($variable))),
            may("tools", TEXTS),
            may("tool_policy", Shape::Record(TOOL_POLICY)),
            may("pipeline", Shape::Record(PIPELINE)),
            may("parameters", Shape::Record(PARAMETERS)),
            may("validators", Shape::List(&Shape::Record($validator))),
            may("tested_models", Shape::List(&Shape::Record(TESTED_MODEL))),
            may("model_overrides", Shape::Map(&Shape::Record(MODEL_OVERRIDE))),
            $($more,)*
        ])
    };
}

macro_rules! variable {
    ($($more:expr),*) => {
        &[
            must("name", Shape::Text),
            must("type", Shape::Text),
            must("required", Shape::Bool),
            may("default", Shape::Any),
            may("description", Shape::Text),
            may("example", Shape::Any),
            may("validation", Shape::Record(VALIDATION)),
            $($more,)*
        ]
    };
}

macro_rules! eval {
    ($($more:expr),*) => {
        Shape::List(&Shape::Record(&[
            must("id", Shape::Text),
            must("type", Shape::Text),
            must("trigger", Shape::Text),
            may("description", Shape::Text),
            may("sample_percentage", Shape::Number),
            may("enabled", Shape::Bool),
            may("params", Shape::Open),
            may("metric", Shape::Open),
            $($more,)*
        ]))
    };
}

macro_rules! workflow {
    ($($field:expr),*) => {
        Shape::Record(&[
            must("version", Shape::Integer),
            must("entry", Shape::Text),
            must("states", Shape::Map(&Shape::Record(&[may("description", Shape::Text), $($field,)*]))),
            may("engine", Shape::Open),
        ])
    };
}

macro_rules! agents {
    ($($more:expr),*) => {
        Shape::Record(&[
            must("entry", Shape::Text),
            must("members", Shape::Map(&Shape::Record(&[
                may("description", Shape::Text),
                may("tags", TEXTS),
                may("input_modes", TEXTS),
                may("output_modes", TEXTS),
                $($more,)*
            ]))),
        ])
    };
}

const PROMPT_1_0: Shape = prompt!(VARIABLE, VALIDATOR);
const PROMPT_1_1: Shape = prompt!(VARIABLE, VALIDATOR, may("media", Shape::Open));
const PROMPT_1_2: Shape = prompt!(VARIABLE, VALIDATOR, may("media", Shape::Open), may("evals", EVALS));
const PROMPT_1_4: Shape = prompt!(BOUND_VARIABLE, FREE_VALIDATOR, may("media", Shape::Open), may("evals", FULL_EVALS));

const V1_0: Shape = pack!(PROMPT_1_0);
const V1_1: Shape = pack!(PROMPT_1_1);
const V1_2: Shape = pack!(PROMPT_1_2, may("evals", EVALS));
const V1_3: Shape = pack!(
    PROMPT_1_2,
    may("evals", EVALS),
    may("workflow", workflow!(must("prompt_task", Shape::Text), must("on_event", TEXT_MAP), PERSISTENCE, INTERNAL)),
    may("agents", agents!())
);
const V1_3_1: Shape = pack!(
    PROMPT_1_2,
    may("evals", EVALS),
    may(
        "workflow",
        workflow!(
            must("prompt_task", Shape::Text),
            must("on_event", TEXT_MAP),
            may("skills", Shape::Text),
            PERSISTENCE,
            INTERNAL
        )
    ),
    may("agents", agents!()),
    may("skills", Shape::List(&Shape::Any))
);
const V1_4: Shape = pack!(
    PROMPT_1_4,
    may("evals", FULL_EVALS),
    may(
        "workflow",
        workflow!(
            must("prompt_task", Shape::Text),
            may("on_event", TEXT_MAP),
            may("skills", Shape::Text),
            may("persistence", Shape::Text),
            may("orchestration", Shape::Text),
            TERMINAL,
            MAX_VISITS,
            ON_MAX_VISITS,
            ARTIFACTS
        )
    ),
    may("agents", agents!()),
    may("skills", Shape::List(&Shape::Any))
);
const V1_5: Shape = pack!(
    PROMPT_1_2,
    may("evals", EVALS),
    may(
        "workflow",
        workflow!(
            may("prompt_task", Shape::Text),
            may("composition", Shape::Text),
            may("on_event", TEXT_MAP),
            may("skills", Shape::Text),
            PERSISTENCE,
            may("orchestration", Shape::OneOf(&["internal", "external", "hybrid", "composition"])),
            TERMINAL,
            MAX_VISITS,
            ON_MAX_VISITS,
            ARTIFACTS
        )
    ),
    may("agents", agents!(may("state", Shape::Text))),
    may("skills", Shape::List(&Shape::Any)),
    may("compositions", Shape::Map(&Shape::Open))
);

const EVALS: Shape = eval!();
const FULL_EVALS: Shape = eval!(
    may("threshold", Shape::Record(&[may("operator", Shape::Text), may("value", Shape::Number)])),
    may("message", Shape::Text),
    may("when", Shape::Open),
    may("groups", TEXTS)
);

const PERSISTENCE: Field = may("persistence", Shape::OneOf(&["transient", "persistent"]));
const INTERNAL: Field = may("orchestration", Shape::OneOf(&["internal", "external", "hybrid"]));
const TERMINAL: Field = may("terminal", Shape::Bool);
const MAX_VISITS: Field = may("max_visits", Shape::Integer);
const ON_MAX_VISITS: Field = may("on_max_visits", Shape::Text);
const ARTIFACTS: Field = may(
    "artifacts",
    Shape::Map(&Shape::Record(&[
        may("type", Shape::Text),
        may("description", Shape::Text),
        may("mode", Shape::OneOf(&["replace", "append"])),
    ])),
);

const TEMPLATE_ENGINE: &[Field] = &[
    must("version", Shape::Text),
    must("syntax", Shape::Text),
    may(
        "features",
        Shape::List(&Shape::OneOf(&["basic_substitution", "fragments", "conditionals", "loops", "filters"])),
    ),
];

const TOOL: &[Field] = &[must("name", Shape::Text), must("description", Shape::Text), may("parameters", Shape::Open)];

const VARIABLE: &[Field] = variable!();
const BOUND_VARIABLE: &[Field] = variable!(may("binding", Shape::Open));

const VALIDATION: &[Field] = &[
    may("pattern", Shape::Text),
    may("min_length", Shape::Integer),
    may("max_length", Shape::Integer),
    may("minimum", Shape::Number),
    may("maximum", Shape::Number),
    may("enum", Shape::List(&Shape::Any)),
];

const TOOL_POLICY: &[Field] = &[
    may("tool_choice", Shape::OneOf(&["auto", "required", "none"])),
    may("max_rounds", Shape::Integer),
    may("max_tool_calls_per_turn", Shape::Integer),
    may("blocklist", TEXTS),
];

const PIPELINE: &[Field] = &[
    must("stages", TEXTS),
    may("middleware", Shape::List(&Shape::Record(&[must("type", Shape::Text), may("config", Shape::Open)]))),
];

const PARAMETERS: &[Field] = &[
    may("temperature", Shape::Number),
    may("max_tokens", Shape::Integer),
    may("top_p", Shape::Number),
    may("top_k", Shape::Any),
    may("frequency_penalty", Shape::Number),
    may("presence_penalty", Shape::Number),
];

const VALIDATOR: &[Field] = &[
    must("type", Shape::Text),
    must("enabled", Shape::Bool),
    may("fail_on_violation", Shape::Bool),
    may("params", Shape::Open),
];

const FREE_VALIDATOR: &[Field] = &[
    must("type", Shape::Text),
    may("enabled", Shape::Bool),
    may("message", Shape::Text),
    may("fail_on_violation", Shape::Bool),
    may("params", Shape::Open),
];

const TESTED_MODEL: &[Field] = &[
    must("provider", Shape::Text),
    must("model", Shape::Text),
    must("date", Shape::Text),
    may("success_rate", Shape::Number),
    may("avg_tokens", Shape::Number),
    may("avg_cost", Shape::Number),
    may("avg_latency_ms", Shape::Number),
    may("notes", Shape::Text),
];

const MODEL_OVERRIDE: &[Field] = &[
    may("system_template", Shape::Text),
    may("system_template_prefix", Shape::Text),
    may("system_template_suffix", Shape::Text),
    may("parameters", Shape::Record(PARAMETERS)),
];
