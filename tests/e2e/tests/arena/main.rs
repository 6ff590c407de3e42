//! What the built program promises, one promise a test.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod a2a;
mod algebra;
mod attacks;
mod bad_input;
mod bundle;
mod bundle_login;
mod bundle_registry;
mod checks;
mod ci;
mod commands;
mod components;
mod compositions;
mod conduct;
mod config;
mod context;
mod conversation;
mod duplex;
mod evaluator;
mod features;
mod files;
mod filters;
mod folder;
mod judge;
mod keys;
mod memory;
mod output;
mod pack_evals;
mod pack_file;
mod pack_guardrails;
mod pack_names;
mod provider;
mod resume;
mod run;
mod start;
mod streaming_guards;
mod terminal;
mod tool_disturbed;
mod tool_live;
mod tool_mcp;
mod tool_policy;
mod trials;
mod validate;
mod variables;
mod vendors;
