//! Steps of a composition and what they put out.

use arena_guest::prelude::*;
use serde_json::Value;

use crate::record::{Composition, composition};
use crate::{SHOWN, not_empty};

/// The reason of checks that have no composition to judge.
const NO_COMPOSITION: &str = "there is no composition";

/// Params of `composition_step_output`.
#[derive(Deserialize, Params)]
#[params(validate = StepOutput::sensible)]
pub struct StepOutput {
    /// Id of the step.
    step: String,
    /// Text that the output must contain; case counts. Output that is not text counts as compact JSON.
    contains: Option<String>,
    /// What the output must be; wins over `contains`.
    equals: Option<String>,
}

impl StepOutput {
    fn sensible(&self) -> Result<(), String> {
        not_empty("step", &self.step)?;
        searchable(self.contains.as_ref())
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let Some(composition) = composition(subject)? else { return Ok(Verdict::fail(NO_COMPOSITION)) };
        let step = format!("step {}", excerpt(&self.step, SHOWN));
        Ok(match composition.steps.get(&self.step) {
            None => Verdict::fail(format!("{step} put nothing out")),
            Some(output) => compare(&step, output, self.contains.as_deref(), self.equals.as_deref()),
        })
    }
}

/// Params of `composition_output`.
#[derive(Deserialize, Params)]
#[params(validate = CompositionOutput::sensible)]
pub struct CompositionOutput {
    /// Text that the output must contain; case counts. Output that is not text counts as compact JSON.
    contains: Option<String>,
    /// What the output must be; wins over `contains`.
    equals: Option<String>,
}

impl CompositionOutput {
    fn sensible(&self) -> Result<(), String> {
        searchable(self.contains.as_ref())
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let Some(composition) = composition(subject)? else { return Ok(Verdict::fail(NO_COMPOSITION)) };
        Ok(compare("the composition", &composition.output, self.contains.as_deref(), self.equals.as_deref()))
    }
}

/// Every output contains the empty text.
fn searchable(contains: Option<&String>) -> Result<(), String> {
    contains.map_or(Ok(()), |contains| not_empty("contains", contains))
}

/// Text is taken as it is and as it looks in JSON, quotes and all, which is how PromptArena sees it.
fn compare(what: &str, output: &Value, contains: Option<&str>, equals: Option<&str>) -> Verdict {
    let forms = match output {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone(), output.to_string()],
        other => vec![other.to_string()],
    };
    let (fits, wish) = match (equals, contains) {
        (Some(wanted), _) => (forms.iter().any(|form| form == wanted), format!("exactly {}", excerpt(wanted, SHOWN))),
        (None, Some(wanted)) => {
            (forms.iter().any(|form| form.contains(wanted)), format!("something with {}", excerpt(wanted, SHOWN)))
        }
        (None, None) => (!output.is_null() && output != "", "something".to_owned()),
    };
    match fits {
        true => Verdict::pass(format!("{what} put out {wish}")),
        false => {
            let got = forms.first().map_or_else(|| "nothing".to_owned(), |form| excerpt(form, SHOWN));
            Verdict::fail(format!("{what} put out {got}; wanted: {wish}"))
        }
    }
}

/// Params of `composition_branch_taken`.
#[derive(Deserialize, Params)]
#[params(validate = BranchTaken::sensible)]
pub struct BranchTaken {
    /// Id of the branch.
    branch: String,
    /// Id of the step that it must go to.
    expected: String,
}

impl BranchTaken {
    fn sensible(&self) -> Result<(), String> {
        not_empty("branch", &self.branch)?;
        not_empty("expected", &self.expected)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let (branch, wanted) = (excerpt(&self.branch, SHOWN), excerpt(&self.expected, SHOWN));
        recorded(subject, |composition| match composition.branches.get(&self.branch) {
            Some(taken) if *taken == self.expected => Verdict::pass(format!("branch {branch} went to {wanted}")),
            Some(taken) => Verdict::fail(format!("branch {branch} went to {}, not to {wanted}", excerpt(taken, SHOWN))),
            None => Verdict::fail(format!("branch {branch} went nowhere")),
        })
    }
}

/// Params of `composition_parallel_complete`.
#[derive(Deserialize, Params)]
#[params(validate = ParallelComplete::sensible)]
pub struct ParallelComplete {
    /// Id of the parallel step.
    parallel: String,
}

impl ParallelComplete {
    fn sensible(&self) -> Result<(), String> {
        not_empty("parallel", &self.parallel)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let parallel = excerpt(&self.parallel, SHOWN);
        recorded(subject, |composition| match composition.parallels.get(&self.parallel) {
            Some(true) => Verdict::pass(format!("all branches of {parallel} ended")),
            Some(false) => Verdict::fail(format!("a branch of {parallel} did not end")),
            None => Verdict::fail(format!("the parallel step {parallel} did not start")),
        })
    }
}

fn recorded(subject: &Subject<'_>, judge: impl Fn(&Composition) -> Verdict) -> Result<Verdict, CheckError> {
    Ok(composition(subject)?.map_or_else(|| Verdict::fail(NO_COMPOSITION), |composition| judge(&composition)))
}
