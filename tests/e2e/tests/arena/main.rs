//! What the built program promises, one promise a test.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bundle;
mod bundle_login;
mod bundle_registry;
mod checks;
mod ci;
mod commands;
mod components;
mod config;
mod conversation;
mod evaluator;
mod features;
mod files;
mod filters;
mod folder;
mod judge;
mod keys;
mod output;
mod pack_evals;
mod pack_file;
mod pack_guardrails;
mod pack_names;
mod provider;
mod resume;
mod run;
mod start;
mod terminal;
mod validate;
mod variables;
