//! `arena evaluator run FILE`: one verdict, with everything that is known of it.

use std::path::PathBuf;
use std::sync::Arc;

use arena_bundle::yaml::{self, YamlLimits};
use arena_model::{Conversation, Fault};
use arena_sandbox::{Call, GuestError};
use owo_colors::OwoColorize;

use super::cases::asked;
use super::{check, load, subject};
use crate::exit::{Exit, Failure};
use crate::files::{self, FILE_BYTES};
use crate::output::println;
use crate::terminal::safe;

/// Arguments of `arena evaluator run`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The component.
    component: PathBuf,
    /// Check to run [default: the only one].
    #[arg(long)]
    check: Option<String>,
    /// Params of the check, a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    params: String,
    /// Judge this reply.
    #[arg(long, value_name = "TEXT", required_unless_present = "conversation")]
    reply: Option<String>,
    /// Judge the messages in this file: a list of role and content in JSON or YAML, or a record.
    #[arg(long, value_name = "FILE", conflicts_with = "reply")]
    conversation: Option<PathBuf>,
    /// What the judge answers, one a question.
    #[arg(long, value_name = "TEXT")]
    judge: Vec<String>,
}

/// Prints the verdict; exit code 0 passed, 1 failed, 2 bad params, 4 no verdict.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let conversation = Arc::new(conversation(&arguments)?);
    if let Err(error) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&arguments.params) {
        return Err(Failure::input("ParamsInvalid", format!("--params is not a JSON object: {error}")));
    }
    let (sandbox, component) = load(&arguments.component).await?;
    let call = Call {
        check: check(&component, arguments.check.as_deref())?.name.clone(),
        params: arguments.params,
        conversation: conversation.clone(),
        asked: asked(&arguments.judge),
        seed: 0,
    };
    let pool = sandbox.clone();
    let evaluation = sandbox
        .on_pool(async move { pool.evaluate(&component, &call).await })
        .await
        .map_err(|error| Failure::machinery(error.reason(), error.to_string()))?;
    let exit = match &evaluation.result {
        Ok(verdict) => {
            let word = match verdict.passed {
                Some(true) => "passed".green().bold().to_string(),
                Some(false) => "failed".red().bold().to_string(),
                None => "no word on passing".yellow().to_string(),
            };
            let score = verdict.score.map_or_else(|| "no score".to_owned(), |score| format!("score {score}"));
            println!("{word}, {score}: {}", safe(&verdict.reason));
            if let Some(label) = &verdict.label {
                println!("  label    {}", safe(label));
            }
            for evidence in &verdict.evidence {
                let text = subject::text(&conversation, evidence.message);
                let span = text.get(evidence.start as usize..evidence.end as usize).unwrap_or_default();
                println!("  evidence message {}: {} ({})", evidence.message, safe(span), safe(&evidence.note));
            }
            for (name, value) in &verdict.metrics {
                println!("  metric   {} = {value}", safe(name));
            }
            match verdict.passed {
                Some(true) => Exit::Passed,
                Some(false) => Exit::Failed,
                None => Exit::NoVerdict,
            }
        }
        Err(GuestError::NotApplicable(why)) => {
            println!("{}: {}", "skipped".yellow(), safe(why));
            Exit::NoVerdict
        }
        Err(error) => {
            println!("{} {}: {}", "error".magenta().bold(), error.reason(), safe(&error.to_string()));
            if matches!(error, GuestError::BadParams(_)) { Exit::BadInput } else { Exit::NoVerdict }
        }
    };
    for line in &evaluation.log {
        println!("  {:8} {}", line.level.dimmed(), safe(&line.text));
    }
    let (fuel, memory, micros) = (evaluation.fuel, evaluation.memory_bytes, evaluation.duration.as_micros());
    println!("  {fuel} fuel, {} KiB of memory, {micros} us", memory.div_ceil(1024));
    Ok(exit)
}

fn conversation(arguments: &Arguments) -> Result<Conversation, Failure> {
    let Some(path) = &arguments.conversation else {
        return Ok(subject::of_reply(arguments.reply.as_deref().unwrap_or_default()));
    };
    let place = path.display().to_string();
    let bytes = files::read(path, FILE_BYTES)?;
    let node = yaml::parse(&place, &bytes, &YamlLimits::default())
        .map_err(|problem| Failure::input(problem.reason, problem.to_string()))?;
    subject::of_messages(&node.to_json())
        .map_err(|text| Failure::input("ConversationInvalid", format!("{place}: {text}")))
}
