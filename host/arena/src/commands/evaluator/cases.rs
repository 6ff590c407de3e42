//! `cases.yaml`: what an evaluator must say of which subject.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arena_bundle::yaml::{self, YamlLimits};
use arena_evaluate::Embedders;
use arena_model::Usage;
use arena_provider::{ProviderSettings, offline_embedder};
use arena_sandbox::{Asked, JudgeAnswer, JudgeFailure, JudgeHost, JudgeQuestion};
use serde::Deserialize;
use serde_json::Value;

use crate::exit::Failure;
use crate::files::{self, FILE_BYTES};

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// For people.
    pub name: String,
    /// The check; none for the component's only one.
    #[serde(default)]
    pub check: Option<String>,
    /// The subject as one reply.
    #[serde(default)]
    pub reply: Option<String>,
    /// The subject as messages.
    #[serde(default)]
    pub messages: Option<Value>,
    /// Params of the check.
    #[serde(default)]
    pub params: Option<Value>,
    /// What the judge answers, in order.
    #[serde(default)]
    pub judge: Vec<String>,
    /// What must come out.
    pub expect: Expected,
    /// The score, compared to 1e-9 if given.
    #[serde(default)]
    pub score: Option<f64>,
}

/// Outcome a case expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Expected {
    Passed,
    Failed,
    Error,
    Skipped,
}

/// Reads the file.
pub fn read(path: &Path) -> Result<Vec<Case>, Failure> {
    let place = path.display().to_string();
    let bytes =
        files::read(path, FILE_BYTES).map_err(|failure| failure.hint("write the cases as in `arena evaluator new`"))?;
    let node = yaml::parse(&place, &bytes, &YamlLimits::default())
        .map_err(|problem| Failure::input(problem.reason, problem.to_string()))?;
    let cases: Vec<Case> = serde_json::from_value(node.to_json())
        .map_err(|error| Failure::input("CasesInvalid", format!("{place}: {error}")))?;
    if cases.is_empty() {
        return Err(Failure::input("CasesInvalid", format!("{place}: there are no cases")));
    }
    for case in &cases {
        if case.reply.is_some() == case.messages.is_some() {
            let text = format!("{place}: case `{}` needs either `reply` or `messages`", case.name);
            return Err(Failure::input("CasesInvalid", text));
        }
    }
    Ok(cases)
}

/// Who answers an evaluator that is tried alone: a judge that says these, one a question, and vectors that count words.
pub fn asked(answers: &[String]) -> Asked {
    let words = "words".to_owned();
    let embedder = offline_embedder(&ProviderSettings::new(&words, "mock", &words));
    let embedders = Embedders::new([(words.clone(), Ok(embedder))].into(), Some(words));
    Asked { judge: Some(Arc::new(CannedJudge::new(answers))), embed: Some(Arc::new(embedders)) }
}

/// A judge that answers what the case says.
struct CannedJudge(Mutex<VecDeque<String>>);

impl CannedJudge {
    /// Answers these, one a question.
    fn new(answers: &[String]) -> Self {
        Self(Mutex::new(answers.iter().cloned().collect()))
    }
}

#[async_trait::async_trait]
impl JudgeHost for CannedJudge {
    async fn ask(&self, question: &JudgeQuestion) -> Result<JudgeAnswer, JudgeFailure> {
        let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let text =
            next.ok_or_else(|| JudgeFailure::Failed("the case has no further answer under `judge`".to_owned()))?;
        let judge = question.judge.clone().unwrap_or_else(|| "default".to_owned());
        Ok(JudgeAnswer { judge, text, usage: Usage::default(), cost_usd_micro: Some(0) })
    }
}
