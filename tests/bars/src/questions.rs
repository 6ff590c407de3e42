//! A bundle of many single-turn cases: a scenario file each, values of its own for the prompt's template, three checks.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

const HEAD: &str = "apiVersion: promptkit.altairalabs.ai/v1alpha1\n";

/// The model that the provider names.
const MODEL: &str = "fake-model";

/// With the variables of a case. No quotes and no colon-space, so that it is the same in YAML and JSON.
const TEMPLATE: &str = "You are the assistant of {{shop}} and speak with {{customer}}.\n\
    The question is about order {{order}}. Answer in a {{tone}} tone and in at most five sentences.\n\
    Never promise a refund. Never name another customer. If the parcel is late, say by how many days,\n\
    and name the next step that the customer can take. End with the number of the order.\n";

struct Question {
    customer: String,
    order: String,
    tone: &'static str,
    user: String,
}

const SHOP: &str = "Northwind Parcels";

impl Question {
    fn of(case: u64) -> Self {
        let order = format!("ORD-{case:05}");
        let days = case % 13 + 2;
        let user = format!(
            "Hello, where is my order {order}? It was to be here {days} days ago, and the page has said \
             that it is on its way ever since. I would like to know when it will arrive."
        );
        let tone = ["friendly", "formal", "brief"][(case % 3) as usize];
        Self { customer: format!("Customer {case}"), order, tone, user }
    }

    fn system(&self) -> String {
        TEMPLATE
            .replace("{{shop}}", SHOP)
            .replace("{{customer}}", &self.customer)
            .replace("{{order}}", &self.order)
            .replace("{{tone}}", self.tone)
    }

    fn scenario(&self, case: u64) -> String {
        let Self { customer, order, tone, user } = self;
        format!(
            "{HEAD}kind: Scenario\nmetadata: {{name: question-{case:05}}}\nspec:\n  task_type: support\n  \
             description: Question about {order}\n  variables:\n    customer: {customer}\n    order: {order}\n    \
             tone: {tone}\n  turns:\n    - role: user\n      content: {user:?}\n      assertions:\n        \
             - {{type: contains, params: {{patterns: [{order}]}}}}\n        \
             - {{type: regex, params: {{pattern: '(?i)(order|status|shipped|arrive)'}}}}\n        \
             - {{type: max_length, params: {{max: 500}}}}\n"
        )
    }
}

/// Writes a bundle of `cases` cases, to be answered by an echo at `url`.
pub fn write(to: &Path, cases: u64, url: &str) -> Result<()> {
    let put = |name: &str, text: &str| {
        let path = to.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    fs::create_dir_all(to.join("scenarios")).with_context(|| format!("cannot create {}", to.display()))?;
    let mut arena = format!(
        "{HEAD}kind: Arena\nmetadata: {{name: questions}}\nspec:\n  prompt_configs: [{{id: support, file: prompt.yaml}}]\n  \
         providers: [{{file: provider.yaml}}]\n  defaults: {{temperature: 0.5, max_tokens: 256}}\n  scenarios:\n"
    );
    for case in 0..cases {
        writeln!(arena, "    - file: scenarios/{case:05}.yaml")?;
        put(&format!("scenarios/{case:05}.yaml"), &Question::of(case).scenario(case))?;
    }
    put("config.arena.yaml", &arena)?;
    put(
        "provider.yaml",
        &format!(
            "{HEAD}kind: Provider\nmetadata: {{name: echo}}\nspec: {{type: openai, model: {MODEL}, base_url: '{url}'}}\n"
        ),
    )?;
    let variable = |name: &str| format!("    - {{name: {name}, required: true}}\n");
    let variables = ["customer", "order", "tone"].map(variable).concat();
    let template = TEMPLATE.lines().map(|line| format!("    {line}\n")).collect::<String>();
    put(
        "prompt.yaml",
        &format!(
            "{HEAD}kind: PromptConfig\nmetadata: {{name: support}}\nspec:\n  task_type: support\n  version: v1\n  \
             description: Support\n  system_template: |\n{template}  variables:\n    \
             - {{name: shop, required: false, default: {SHOP}}}\n{variables}"
        ),
    )
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: [BodyMessage<'a>; 2],
    temperature: f64,
    max_completion_tokens: u32,
}

#[derive(Serialize)]
struct BodyMessage<'a> {
    role: &'a str,
    content: &'a str,
}

/// The request body that a run sends for a case.
pub fn body(case: u64) -> Result<Vec<u8>> {
    let question = Question::of(case);
    let messages = [
        BodyMessage { role: "system", content: &question.system() },
        BodyMessage { role: "user", content: &question.user },
    ];
    Ok(serde_json::to_vec(&Body { model: MODEL, messages, temperature: 0.5, max_completion_tokens: 256 })?)
}
