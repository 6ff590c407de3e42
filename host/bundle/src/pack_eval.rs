//! `pack_evals` of an arena, `evals` of a pack and of prompts: checks that observe conversations and fail none.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::feature::{Without, unsupported};
use crate::report::Report;
use crate::shape::similar;
use crate::yaml::Cursor;
use crate::{Assertion, Prompt};

/// Per cent of turns or sessions where an eval does not say.
const SAMPLE: f64 = 5.0;

/// One eval.
#[derive(Clone, Debug, PartialEq)]
pub struct PackEval {
    /// Unique in its list; one of a prompt replaces one of the pack with the same id.
    pub id: String,
    /// What it looks for.
    pub check: Assertion,
    /// When it looks.
    pub trigger: Trigger,
    /// Per cent of the turns or sessions that a sampling trigger takes, 0 to 100.
    pub sample_percentage: f64,
    /// What its verdict is held against; none for the check's own word.
    pub threshold: Option<EvalThreshold>,
    /// Names by which some of all evals can be chosen.
    pub groups: Vec<String>,
}

/// When an eval looks at a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Trigger {
    EveryTurn,
    SampleTurns,
    SessionComplete,
    SampleSessions,
    ConversationComplete,
    WorkflowStep,
}

const TRIGGERS: [(&str, Trigger); 6] = [
    ("every_turn", Trigger::EveryTurn),
    ("sample_turns", Trigger::SampleTurns),
    ("on_session_complete", Trigger::SessionComplete),
    ("sample_sessions", Trigger::SampleSessions),
    ("on_conversation_complete", Trigger::ConversationComplete),
    ("on_workflow_step", Trigger::WorkflowStep),
];

/// What must hold of an eval's verdict; all of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EvalThreshold {
    /// The check's word.
    pub passed: Option<bool>,
    /// Of the score.
    pub bounds: Vec<(Bound, f64)>,
}

/// How a score compares with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Bound {
    AtLeast,
    AtMost,
    Above,
    Below,
    Equal,
}

impl Bound {
    /// Whether the score keeps it.
    pub fn holds(self, score: f64, value: f64) -> bool {
        match self {
            Self::AtLeast => score >= value,
            Self::AtMost => score <= value,
            Self::Above => score > value,
            Self::Below => score < value,
            Self::Equal => score == value,
        }
    }

    /// As packs write it.
    pub fn as_str(self) -> &'static str {
        OPERATORS.iter().find(|(_, bound)| *bound == self).map_or("", |(name, _)| name)
    }
}

const OPERATORS: [(&str, Bound); 10] = [
    ("gte", Bound::AtLeast),
    ("lte", Bound::AtMost),
    ("gt", Bound::Above),
    ("lt", Bound::Below),
    ("eq", Bound::Equal),
    (">=", Bound::AtLeast),
    ("<=", Bound::AtMost),
    (">", Bound::Above),
    ("<", Bound::Below),
    ("==", Bound::Equal),
];

/// Check types that ask a model or a server, and so belong to other groups than those that only look.
const SLOW: [&str; 9] = [
    "llm_judge",
    "llm_judge_session",
    "llm_judge_tool_calls",
    "outcome_equivalent",
    "cosine_similarity",
    "a2a_eval",
    "a2a_eval_session",
    "rest_eval",
    "rest_eval_session",
];
/// Those of them that ask nobody outside.
const INTERNAL: [&str; 2] = ["outcome_equivalent", "cosine_similarity"];

impl PackEval {
    /// The evals under `key` that are on, in their order.
    pub(crate) fn decode_all(parent: &Cursor<'_>, key: &str, report: &mut Report) -> Vec<Arc<Self>> {
        let (list, mut ids) = (parent.get(key), BTreeSet::new());
        let mut evals = Vec::new();
        for it in list.iter().flat_map(Cursor::items) {
            if it.text("id").is_some_and(|id| !ids.insert(id)) {
                report.push(it.error("DuplicateEval", "another eval of this list has this id").hint("rename one"));
            }
            let eval = Self::decode(&it, report);
            evals.extend(eval.filter(|_| it.boolean("enabled") != Some(false)).map(Arc::new));
        }
        evals
    }

    fn decode(it: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        unsupported(it, &["metric"], Without::Works, report);
        let check = Assertion::decode(it, report)?;
        let trigger = it.get_text("trigger")?;
        let word = trigger.node.as_text().unwrap_or_default();
        let Some((_, trigger)) = TRIGGERS.iter().find(|(name, _)| *name == word) else {
            let names = || TRIGGERS.iter().map(|(name, _)| *name);
            let hint = similar(word, names()).map_or_else(
                || format!("known are {}", names().collect::<Vec<_>>().join(", ")),
                |meant| format!("did you mean `{meant}`?"),
            );
            report.push(trigger.error_with_value("UnknownValue", "unknown trigger").hint(hint));
            return None;
        };
        let groups = match it.texts("groups") {
            own if own.is_empty() => usual_groups(&check.kind),
            own => own,
        };
        Some(Self {
            id: it.text("id").unwrap_or_default(),
            check,
            trigger: *trigger,
            sample_percentage: it.number_in("sample_percentage", 0.0, 100.0, report).unwrap_or(SAMPLE),
            threshold: it.get("threshold").and_then(|it| EvalThreshold::decode(&it, report)),
            groups,
        })
    }

    /// Those of the pack, each in its place replaced by a prompt's own of the same id, then what is left of the prompts'.
    pub fn resolve<'p>(pack: &[Arc<Self>], prompts: impl IntoIterator<Item = &'p Prompt>) -> Vec<Arc<Self>> {
        let mut all = pack.to_vec();
        for eval in prompts.into_iter().flat_map(|prompt| &prompt.evals) {
            match all.iter_mut().find(|known| known.id == eval.id) {
                Some(known) => *known = eval.clone(),
                None => all.push(eval.clone()),
            }
        }
        all
    }
}

fn usual_groups(kind: &str) -> Vec<String> {
    let groups: &[&str] = match (SLOW.contains(&kind), INTERNAL.contains(&kind)) {
        (false, _) => &["default", "fast-running"],
        (true, true) => &["default", "long-running"],
        (true, false) => &["default", "long-running", "external"],
    };
    groups.iter().map(|group| (*group).to_owned()).collect()
}

impl EvalThreshold {
    /// Both forms: `operator` and `value`, and `passed`, `min_score` and `max_score`. None if it says nothing.
    fn decode(it: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut bounds = Vec::new();
        bounds.extend(it.number("min_score").map(|value| (Bound::AtLeast, value)));
        bounds.extend(it.number("max_score").map(|value| (Bound::AtMost, value)));
        match (it.get_text("operator"), it.number("value")) {
            (None, None) => {}
            (operator, Some(value)) => {
                let word = operator.as_ref().and_then(|it| it.node.as_text()).unwrap_or("gte");
                let known = OPERATORS.iter().find(|(name, _)| *name == word);
                bounds.extend(known.map(|(_, bound)| (*bound, value)));
                if let (None, Some(operator)) = (known, operator) {
                    let problem = operator.error_with_value("UnknownValue", "unknown operator");
                    report.push(problem.hint("known are gte, lte, gt, lt, eq"));
                }
            }
            (Some(operator), None) => {
                report.push(operator.error("MissingKey", "an `operator` needs a `value`"));
            }
        }
        let threshold = Self { passed: it.boolean("passed"), bounds };
        (threshold != Self::default()).then_some(threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{self, YamlLimits};

    fn decoded(text: &str) -> (Vec<Arc<PackEval>>, Vec<String>) {
        let node = yaml::parse("p.yaml", format!("evals: {text}").as_bytes(), &YamlLimits::default()).unwrap();
        let file = Arc::from("p.yaml");
        let mut report = Report::new(100);
        let evals = PackEval::decode_all(&Cursor::root(&file, &node), "evals", &mut report);
        let found = match report.finish() {
            Ok(warnings) => warnings,
            Err(problems) => problems.0,
        };
        (evals, found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_eval_has_groups_by_its_type_unless_it_names_some() {
        let (evals, found) = decoded(
            "[{id: a, type: contains, trigger: every_turn}, {id: b, type: llm_judge, trigger: sample_turns}, \
             {id: c, type: cosine_similarity, trigger: on_workflow_step, sample_percentage: 0}, \
             {id: d, type: regex, trigger: on_session_complete, groups: [own]}, \
             {id: e, type: regex, trigger: every_turn, enabled: false}]",
        );
        assert_eq!(found, Vec::<String>::new());
        let groups: Vec<_> = evals.iter().map(|eval| eval.groups.join(" ")).collect();
        assert_eq!(groups, ["default fast-running", "default long-running external", "default long-running", "own"]);
        assert_eq!((evals[1].sample_percentage, evals[2].sample_percentage), (5.0, 0.0));
    }

    #[test]
    fn both_forms_of_thresholds_are_read() {
        let threshold = |text: &str| {
            let (evals, found) = decoded(&format!("[{{id: a, type: t, trigger: every_turn, threshold: {text}}}]"));
            (evals.first().and_then(|eval| eval.threshold.clone()), found)
        };
        let bounds = |text: &str| threshold(text).0.unwrap().bounds;
        assert_eq!(bounds("{operator: lt, value: 0.5}"), [(Bound::Below, 0.5)]);
        assert_eq!(bounds("{value: 0.5}"), [(Bound::AtLeast, 0.5)]);
        assert_eq!(bounds("{min_score: 0.2, max_score: 0.4}"), [(Bound::AtLeast, 0.2), (Bound::AtMost, 0.4)]);
        assert_eq!(threshold("{passed: false}").0.unwrap().passed, Some(false));
        assert_eq!(threshold("{}"), (None, vec![]));
        assert!(threshold("{operator: near, value: 1}").1[0].contains("error[UnknownValue]"));
        assert!(threshold("{operator: lt}").1[0].contains("error[MissingKey]"));
        for (bound, below, at, above) in [
            (Bound::AtLeast, false, true, true),
            (Bound::AtMost, true, true, false),
            (Bound::Above, false, false, true),
            (Bound::Below, true, false, false),
            (Bound::Equal, false, true, false),
        ] {
            assert_eq!([0.4, 0.5, 0.6].map(|score| bound.holds(score, 0.5)), [below, at, above], "{bound:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let (evals, found) = decoded(
            "[{id: a, type: t, trigger: evry_turn}, {id: a, type: t, trigger: every_turn, sample_percentage: 101}]",
        );
        assert_eq!(evals.len(), 1);
        assert!(
            found[0].contains("error[UnknownValue] evals[0].trigger") && found[0].contains("`every_turn`?"),
            "{found:?}"
        );
        assert!(found[1].contains("error[DuplicateEval] evals[1]"), "{found:?}");
        assert!(found[2].contains("must be from 0 to 100"), "{found:?}");
    }
}
