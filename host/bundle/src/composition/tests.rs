use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::yaml::{self, YamlLimits};

/// The composition `c` with these steps, and what is said of it.
fn read(steps: &str) -> (Result<Composition, String>, Vec<String>) {
    read_whole(&format!("c: {{version: 1, steps: {steps}}}"))
}

fn read_whole(text: &str) -> (Result<Composition, String>, Vec<String>) {
    let node = yaml::parse("f.yaml", text.as_bytes(), &YamlLimits::default()).unwrap();
    let file = Arc::from("f.yaml");
    let mut report = Report::new(100);
    let mut all = Composition::decode_all(&Cursor::root(&file, &node), &mut report);
    let said = report.finish().unwrap().iter().map(ToString::to_string).collect();
    (all.remove("c").unwrap(), said)
}

fn said(steps: &str) -> String {
    read(steps).1.join("\n")
}

const PARALLEL: &str = "{id: p, kind: parallel, branches: [{id: a, kind: prompt, prompt_task: t}]";

#[test]
fn a_composition_that_makes_sense_is_silent() {
    let (read, said) = read(
        "[{id: k, kind: prompt, prompt_task: t, input: '${input}', output_schema: s.json, description: d},
         {id: r, kind: branch, then: x, else: g,
          predicate: {any_of: [{path: '${k.output.n}', op: in, value: [1]}, {not: {path: '${k.output.v}', exists: true}}]}},
         {id: x, kind: tool, tool: f, args: {q: '${k.output.v}'}, depends_on: [r]},
         {id: g, kind: agent, prompt_task: t, input: {a: '${k.output}'}, tools: [f], termination: {max_steps: 3}},
         {id: p, kind: parallel, branches: [{id: a, kind: prompt, prompt_task: t}, {id: b, kind: tool, tool: f}],
          reduce: {strategy: replace, into: all}, depends_on: [x, g]}]",
    );
    assert_eq!(said, Vec::<String>::new());
    let read = read.unwrap();
    assert_eq!((read.output, &read.steps[4].depends_on), (None, &vec!["x".to_owned(), "g".to_owned()]));
    assert_eq!(read.steps[2].input, json!({"q": "${k.output.v}"}));
    assert!(matches!(&read.steps[3].kind, StepKind::Agent { tools: Some(tools), .. } if tools == &["f"]));
    assert!(matches!(&read.steps[4].kind, StepKind::Parallel { reduce: Reduce::Replace, into, .. } if into == "all"));
}

#[test]
fn keys_of_no_step_and_of_other_kinds_are_warnings() {
    let said = said(
        "[{id: k, kind: prompt, prompt_task: t, inptu: x, tools: [f]},
         {id: r, kind: branch, then: k, predicate: {not: {path: '${input}', op: equals, valeu: 1}}},
         {id: p, kind: parallel, reduc: 1, branches: [{id: a, kind: tool, tool: f, arg: 1}],
          reduce: {strategy: append, into: all, stratgy: 1}}]",
    );
    for wanted in [
        "warning[UnknownKey] c.steps[0].inptu: unknown key `inptu`; did you mean `input`?",
        "warning[UnknownKey] c.steps[0].tools: unknown key `tools`; known keys are id, kind, description, depends_on, ",
        "warning[UnknownKey] c.steps[1].predicate.not.valeu: unknown key `valeu`; did you mean `value`?",
        "warning[UnknownKey] c.steps[2].reduc: unknown key `reduc`; did you mean `reduce`?",
        "warning[UnknownKey] c.steps[2].branches[0].arg: unknown key `arg`; did you mean `args`?",
        "warning[UnknownKey] c.steps[2].reduce.stratgy: unknown key `stratgy`; did you mean `strategy`?",
    ] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
    assert_eq!(said.lines().count(), 6, "{said}");
}

#[test]
fn what_is_known_and_has_no_effect_is_told() {
    let (_, said) = read_whole(
        "c: {version: 1, input_schema: i.json, outptu: k, steps: [
         {id: k, kind: prompt, prompt_task: t, modifiers: {retry: {max_attempts: 3}}}]}",
    );
    assert_eq!(
        said,
        [
            "f.yaml:1:17: warning[FeatureUnsupported] c.input_schema: `input_schema` is not supported yet and has no effect",
            "f.yaml:1:39: warning[UnknownKey] c.outptu: unknown key `outptu`; did you mean `output`?",
            "f.yaml:2:48: warning[FeatureUnsupported] c.steps[0].modifiers: \
             `modifiers` is not supported yet and has no effect",
        ]
    );
}

#[test]
fn a_strategy_that_there_is_not_ends_each_case() {
    for (reduce, why) in [
        (
            ", reduce: {strategy: appendd, into: all}}",
            "`reduce.strategy` \"appendd\" is none of append, replace, barrier",
        ),
        (", reduce: {into: all}}", "`reduce.strategy` \"\" is none of append, replace, barrier"),
        ("}", "`reduce` is missing"),
    ] {
        let (read, said) = read(&format!("[{PARALLEL}{reduce}]"));
        assert_eq!(read.unwrap_err(), format!("step `p`: {why}"));
        assert!(said[0].contains(&format!("error[CompositionInvalid] c.step `p`: step `p`: {why}")), "{said:?}");
    }
    for (name, reduce) in STRATEGIES {
        let (read, said) = read(&format!("[{PARALLEL}, reduce: {{strategy: {name}, into: all}}}}]"));
        assert!(matches!(&read.unwrap().steps[0].kind, StepKind::Parallel { reduce: it, .. } if *it == reduce));
        assert_eq!(said, Vec::<String>::new());
    }
}

#[test]
fn outputs_of_branches_are_joined_as_the_strategy_says() {
    let outputs =
        || [("a", Some(json!(1))), ("b", Some(json!("two"))), ("c", None)].map(|(id, it)| (id.to_owned(), it));
    assert_eq!(Reduce::Append.join(outputs().into_iter()), json!([1, "two", null]));
    assert_eq!(Reduce::Barrier.join(outputs().into_iter()), json!({"a": 1, "b": "two", "c": null}));
    assert_eq!(Reduce::Replace.join(outputs().into_iter()), json!("two"));
    assert_eq!(Reduce::Replace.join(std::iter::empty()), json!(null));
}

#[test]
fn names_that_lead_nowhere_and_predicates_that_cannot_be_answered_are_found_and_run_all_the_same() {
    let (read, said) = read_whole(
        "c: {version: 1, output: entd, steps: [
         {id: k, kind: prompt, prompt_task: t, depends_on: [end, kk]},
         {id: r, kind: branch, then: k, else: y, predicate: {all_of: [
          {path: '${k.output}', op: in, value: a}, {path: '${z.output}', op: less_than, value: '5'}]}},
         {id: p, kind: parallel, reduce: {strategy: append}, branches: [
          {id: a, kind: prompt, prompt_task: t}, {id: k, kind: prompt, prompt_task: t, depends_on: [a]}]},
         {id: end, kind: prompt, prompt_task: t, depends_on: [p, a]}]}",
    );
    assert_eq!(read.unwrap().steps.len(), 4);
    let said = said.join("\n");
    for wanted in [
        "c.output: output: there is no step `entd`; did you mean `end`?",
        "step `k`: it depends on `end`, which does not come before it",
        "step `k`: there is no step `kk`; did you mean `k`?",
        "step `r`: there is no step `y`; did you mean",
        "step `r`: its predicate needs a list as `value`",
        "step `r`: its predicate needs a number as `value`",
        "step `r`: there is no step `z`; did you mean",
        "step `p`: `reduce.into`, the name of the joint output, is missing",
        "step `k`: it depends on `a`, which does not come before it",
        "step `k`: another step has this id",
    ] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
    assert_eq!(said.matches("error[CompositionInvalid]").count(), 10, "{said}");
}
