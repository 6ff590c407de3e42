//! Bar 05.5: the key of a Provider object goes to the object's address and to no other.

use std::fs;

use anyhow::Result;
use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use serde::Deserialize;

use crate::bar::Bar;
use crate::questions;
use crate::world::World;

const KEY: &str = "sk-object-0123456789abcdef";

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
}

/// A bundle whose provider names another host than the object that it is bound to, and a host that redirects.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let other = FakeVendor::start(Behaviour::default())?;
    let bundle = world.scratch("foreign-bundle");
    // The bundle would have its own provider called here.
    questions::write(&bundle, limits.cases, &other.url())?;
    let redirect = Failure::Redirect(format!("{}/chat/completions", other.url()));
    for (name, failing, reaches) in [("bound", None, true), ("redirected", Some(redirect), false)] {
        let own = Behaviour::default().failing(failing.into_iter().map(Failing::always));
        let own = FakeVendor::start(own)?;
        let config = world.scratch(&format!("{name}.yaml"));
        fs::write(
            &config,
            format!(
                "apiVersion: omnia.altairalabs.ai/v1alpha1\nkind: ArenaConfig\nmetadata: {{name: c}}\nspec:\n  \
                 sourceRef: {{name: s}}\n  providers: [{{name: echo, providerRef: {{name: mine}}}}]\n---\n\
                 apiVersion: omnia.altairalabs.ai/v1alpha1\nkind: Provider\nmetadata: {{name: mine}}\nspec:\n  \
                 type: openai\n  model: m\n  baseURL: '{}'\n  credential: {{secretRef: {{name: k, key: k}}}}\n",
                own.url()
            ),
        )?;
        let mut command = world.arena();
        command.arg("run").arg(&bundle).arg("-q").arg("-f").arg(&config).arg("--out").arg(world.scratch(name));
        command.env("ARENA_KEY_MINE", KEY);
        crate::process::capture_to(&[0, 1], &mut command, std::time::Duration::from_secs(120))?;
        let shown = own.last_authorization().is_some_and(|value| value == format!("Bearer {KEY}"));
        bar.line(
            &format!("the key at the object's address ({name})"),
            if shown { "shown" } else { "not shown" },
            "shown",
            own.calls(),
            shown && (!reaches || own.calls() >= limits.cases),
        );
        bar.at_most(&format!("calls of another address ({name})"), other.calls() as f64, 0.0, "", own.calls());
    }
    Ok(())
}
