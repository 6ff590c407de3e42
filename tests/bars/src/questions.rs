//! A bundle of many single-turn cases, each with values of its own for the prompt's template, and three checks: as a
//! scenario file each, or as the rows of one table.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;

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

/// The scenario whose cases are rows; DATASET says where they lie.
const OF_ROWS: &str = "kind: Scenario\nmetadata: {name: question}\nspec:\n  task_type: support\n  \
    description: Question about an order\n  dataset: {DATASET}\n  variables:\n    \
    customer: '{{row.customer}}'\n    order: '{{row.order}}'\n    tone: '{{row.tone}}'\n  turns:\n    - role: user\n      \
    content: '{{row.user}}'\n      assertions:\n        - {type: contains, params: {patterns: ['{{row.order}}']}}\n        \
    - {type: regex, params: {pattern: '(?i)(order|status|shipped|arrive)'}}\n        - {type: max_length, params: {max: 500}}\n";

/// Who answers.
pub enum Answered<'a> {
    /// An echo at this address.
    Echo(&'a str),
    /// A mock file in the bundle, with the same answer for all.
    Mock,
}

/// Writes a bundle of `cases` cases with a scenario file each, to be answered by an echo at `url`.
pub fn write(to: &Path, cases: u64, url: &str) -> Result<()> {
    fs::create_dir_all(to.join("scenarios")).with_context(|| format!("cannot create {}", to.display()))?;
    let mut files = String::new();
    for case in 0..cases {
        writeln!(files, "    - file: scenarios/{case:05}.yaml")?;
        put(to, &format!("scenarios/{case:05}.yaml"), &Question::of(case).scenario(case))?;
    }
    write_around(to, &files, &Answered::Echo(url))
}

/// Writes the same with the cases as rows of a table in the bundle.
pub fn write_rows(to: &Path, cases: u64, answered: &Answered<'_>) -> Result<()> {
    write_table(&to.join("rows.jsonl"), cases)?;
    put(to, "question.yaml", &format!("{HEAD}{}", OF_ROWS.replace("DATASET", "path: rows.jsonl, id: order")))?;
    write_around(to, "    - file: question.yaml\n", answered)
}

/// Writes the same for a table beside the bundle, which is given when it is run: see [`write_table`].
pub fn write_for_table(to: &Path, answered: &Answered<'_>) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    put(to, "question.yaml", &format!("{HEAD}{}", OF_ROWS.replace("DATASET", "id: order")))?;
    write_around(to, "    - file: question.yaml\n", answered)
}

/// Writes the rows alone. It is a stream: a million rows take no memory.
pub fn write_table(path: &Path, cases: u64) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let mut rows = BufWriter::new(File::create(path).with_context(|| format!("cannot write {}", path.display()))?);
    for case in 0..cases {
        let Question { customer, order, tone, user } = Question::of(case);
        serde_json::to_writer(&mut rows, &json!({"order": order, "customer": customer, "tone": tone, "user": user}))?;
        rows.write_all(b"\n")?;
    }
    rows.flush().with_context(|| format!("cannot write {}", path.display()))
}

fn put(to: &Path, name: &str, text: &str) -> Result<()> {
    let path = to.join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The arena, the provider and the prompt.
fn write_around(to: &Path, scenarios: &str, answered: &Answered<'_>) -> Result<()> {
    let arena = format!(
        "{HEAD}kind: Arena\nmetadata: {{name: questions}}\nspec:\n  prompt_configs: [{{id: support, file: prompt.yaml}}]\n  \
         providers: [{{file: provider.yaml}}]\n  defaults: {{temperature: 0.5, max_tokens: 256}}\n  scenarios:\n{scenarios}"
    );
    put(to, "config.arena.yaml", &arena)?;
    let called = match answered {
        Answered::Echo(url) => format!("type: openai, model: {MODEL}, base_url: '{url}'"),
        Answered::Mock => {
            put(to, "answers.yaml", "defaultResponse: Your order has shipped and will arrive on Monday.\n")?;
            "type: mock, model: mock, additional_config: {mock_config: answers.yaml}".to_owned()
        }
    };
    put(to, "provider.yaml", &format!("{HEAD}kind: Provider\nmetadata: {{name: echo}}\nspec: {{{called}}}\n"))?;
    let variable = |name: &str| format!("    - {{name: {name}, required: true}}\n");
    let variables = ["customer", "order", "tone"].map(variable).concat();
    let template = TEMPLATE.lines().map(|line| format!("    {line}\n")).collect::<String>();
    put(
        to,
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
