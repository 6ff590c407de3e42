//! Station 2, bundle: takes a folder of PromptKit arena files (or one arena file in it), gives a checked, typed
//! [`Bundle`] or every problem found in it, with file, line and advice. Reads only regular files inside that folder,
//! under [`Limits`]; never talks to a network, never runs anything, never decides which checks, providers or
//! templates exist. [`archive`] packs its files and unpacks those of others.

#![allow(clippy::result_large_err, reason = "a problem is made once per defect, never on a hot path")]

mod agent;
pub mod archive;
mod assertion;
mod bundle;
mod component;
mod composition;
mod context;
mod course;
mod dataset;
mod disturbance;
mod document;
mod duplex;
mod duration;
mod entry;
mod eval;
mod feature;
mod files;
mod fragment;
mod glob;
mod http_tool;
mod limits;
mod load;
mod mcp;
mod memory;
mod model_override;
mod pack;
mod pack_eval;
mod persona;
mod perturbation;
mod problem;
mod prompt;
mod provider;
mod recording;
mod report;
mod row;
mod scenario;
mod shape;
mod skill;
mod tool;
mod tool_policy;
mod tree;
mod variable;
mod workflow;
pub mod yaml;

pub use agent::MockAgent;
pub use archive::ArchiveError;
pub use assertion::{Assertion, Group, Need, Params};
pub use bundle::{Bundle, Defaults};
pub use component::ComponentSpec;
pub use composition::{Comparison, Composition, Predicate, Step, StepKind};
pub use context::{ContextPolicy, ContextStrategy, Relevance, RelevanceQuery};
pub use dataset::{Dataset, DatasetSample};
pub use disturbance::{Consent, ToolFailure, ToolFault};
pub use duplex::Duplex;
pub use files::Files;
pub use fragment::{FragmentError, expand};
pub use http_tool::{HttpTool, RequestMapping};
pub use limits::Limits;
pub use load::load;
pub use mcp::McpServer;
pub use memory::Memory;
pub use model_override::ModelOverride;
pub use pack::{PackVersions, Version, is_pack, load_pack};
pub use pack_eval::{Bound, EvalThreshold, PackEval, Trigger};
pub use persona::Persona;
pub use perturbation::Perturbations;
pub use problem::{Problem, Problems, Severity};
pub use prompt::{Parameters, Prompt, Validator};
pub use provider::{Credential, Headers, Pricing, ProviderDefaults, ProviderRole, ProviderSpec, RateLimit, Traffic};
pub use recording::Recording;
pub use row::{RowError, RowValues, row_columns};
pub use scenario::{Play, Scenario, Turn};
pub use skill::Skill;
pub use tool::{ClientTool, Decline, MockTool, Tool, ToolMode};
pub use tool_policy::{ToolChoice, ToolPolicy};
pub use tree::BundleFile;
pub use variable::Variable;
pub use workflow::{Artifact, Budget, State, Workflow};
