//! Two runs side by side.

use std::fs;

use anyhow::Result;
use arena_e2e::World;
use serde_json::{Value, json};

/// Twenty scenarios; the model says the right thing in the first `right` of them, with hostile text around it.
fn world(right: usize) -> Result<World> {
    let mut world = World::new()?;
    answers(&mut world, right)?;
    for number in 0..20 {
        world.bundle.checks(&format!("s{number:02}"), json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    }
    Ok(world)
}

fn answers(world: &mut World, right: usize) -> Result<()> {
    let reply = |number: usize| if number < right { "fine" } else { "\u{1b}[31mno</details>|" };
    let scenarios: Value = (0..20)
        .map(|number| (format!("s{number:02}"), json!({"turns": {"1": reply(number)}})))
        .collect::<serde_json::Map<_, _>>()
        .into();
    world.bundle.mock("m", &json!({"scenarios": scenarios, "defaultResponse": "?"}))?;
    Ok(())
}

fn runs(before: usize, after: usize) -> Result<World> {
    let mut world = world(before)?;
    world.arena(&["run", "bundle", "--out", "before", "-q"])?;
    answers(&mut world, after)?;
    world.arena(&["run", "bundle", "--out", "after", "-q"])?;
    Ok(world)
}

#[test]
fn a_drop_is_worse_and_ends_with_1() -> Result<()> {
    let world = runs(20, 8)?;
    let ran = world.arena(&["compare", "before", "after", "--flips", "2"])?.code(1)?;
    assert!(ran.out.starts_with("worse: lower with 95 % confidence: pass_rate\n"), "{}", ran.out);
    // scipy.stats.binomtest(0, 12).pvalue
    let ran = ran.says("p = 0.0005, corrected 0.0005 (McNemar, exact)")?.says("flips: 12 worse, 0 better")?;
    let ran = ran
        .says("worse s08/m\n  baseline passed\n    user: hello\n    assistant: fine\n  candidate failed: contains: ")?;
    let ran = ran.says("    assistant: no</details>|\n")?.says("and 10 more flips")?.says("what differs: bundle")?;
    assert!(!ran.out.contains('\u{1b}'), "{}", ran.out);
    let markdown = world.arena(&["compare", "before", "after", "--format", "markdown"])?.code(1)?;
    let markdown = markdown.says("# Arena compare: worse\n")?.says("no&lt;/details&gt;\\|")?;
    assert_eq!(markdown.out.matches("</details>").count(), 5);
    let json = world.arena(&["compare", "before", "after", "--format", "json", "--flips", "1"])?.code(1)?;
    let found: Value = serde_json::from_str(&json.out)?;
    assert_eq!((&found["verdict"], &found["flips"]["worse"]), (&json!("worse"), &json!(12)));
    assert_eq!(found["listed"][0]["candidate"]["scenario"], json!("s08"));
    world.arena(&["compare", "after", "before"])?.code(0)?.says("better: higher with 95 % confidence")?;
    Ok(())
}

#[test]
fn few_cases_are_no_verdict_where_one_is_required() -> Result<()> {
    let world = runs(20, 19)?;
    world.arena(&["compare", "before", "after"])?.code(0)?.says("not enough data: no difference is sure")?;
    world.arena(&["compare", "before", "after", "--require-verdict"])?.code(4)?.says("items would, there are 20")?;
    world.arena(&["compare", "before", "before", "--margin", "0.3", "--require-verdict"])?.code(0)?.says("same: ")?;
    Ok(())
}

#[test]
fn runs_that_cannot_be_compared_are_refused() -> Result<()> {
    let mut world = runs(20, 20)?;
    world.bundle.checks("s03", json!([{"type": "contains", "params": {"patterns": ["i", "n"]}}]));
    world.arena(&["run", "bundle", "--out", "other", "-q"])?;
    let refused = world.arena(&["compare", "before", "other"])?.code(2)?;
    refused.says("error[ChecksDiffer]")?.says("1 of 20 pairs (s03/m)")?.says("--allow-different-checks")?;
    world
        .arena(&["compare", "before", "other", "--allow-different-checks"])?
        .code(0)?
        .says("1 pairs have different checks")?;
    world.arena(&["compare", "before", "nowhere"])?.code(2)?.says("error[NotARun]")?;
    for wrong in [["--margin", "0"], ["--confidence", "100"], ["--power", "high"]] {
        world.arena(&[&["compare", "before", "after"][..], &wrong].concat())?.code(2)?;
    }
    Ok(())
}

#[test]
fn what_rates_are_of_and_what_nobody_could_find_is_said() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.says("n", "fine")?;
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    world.bundle.checks("t", json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    world.arena(&["run", "bundle", "--out", "two", "-q"])?.code(0)?;
    let told = world.arena(&["compare", "two", "two"])?.code(0)?;
    told.says("means over test items")?.says("smallest detectable 99.1 points")?;
    world.arena(&["run", "bundle", "--out", "one", "--scenario", "s", "-q"])?.code(0)?;
    let told =
        world.arena(&["compare", "one", "one"])?.code(0)?.says("all pairs are of one test item: each pair is")?;
    assert!(!told.out.contains("repeats"), "{}", told.out);
    let single = ["run", "bundle", "--out", "single", "--scenario", "s", "--provider", "m", "-q"];
    world.arena(&single)?.code(0)?;
    world.arena(&["compare", "single", "single"])?.code(0)?.says("no difference could be found with 1 item")?;
    let compare = ["compare", "single", "single", "--format", "json"];
    let json: Value = serde_json::from_str(&world.arena(&compare)?.code(0)?.out)?;
    assert!(json["metrics"][0].get("minimum_detectable").is_none(), "{json}");
    // Gates have no flag for it.
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["ine"]}}]));
    world.arena(&["run", "bundle", "--out", "other", "-q"])?.code(0)?;
    world.arena(&["compare", "two", "other"])?.code(2)?.says("--allow-different-checks compares them")?;
    let gate = world.arena(&["gate", "other", "--gate", "regression vs two"])?.code(2)?.says("the checks differ")?;
    assert!(!gate.all().contains("--allow-different"), "{}", gate.all());
    Ok(())
}

#[test]
fn a_changed_prompt_is_told_apart_from_a_changed_answer() -> Result<()> {
    let mut world = runs(20, 20)?;
    world.bundle.spec["prompt_specs"]["p"]["system_template"] = json!("You help otherwise.");
    answers(&mut world, 5)?;
    world.arena(&["run", "bundle", "--out", "prompted", "-q"])?;
    let ran = world.arena(&["compare", "before", "prompted"])?.code(1)?.says("20 pairs have changed inputs")?;
    ran.says("flips: 0 worse, 0 better")?
        .says("flips of changed inputs: 15 worse, 0 better")?
        .says("(its inputs changed)")?;
    Ok(())
}

#[test]
fn gates_decide_a_run_from_flags_file_and_bundle() -> Result<()> {
    let mut world = world(15)?;
    let run =
        |world: &World, out: &str, more: &[&str]| world.arena(&[&["run", "bundle", "--out", out][..], more].concat());
    let held = run(&world, "held", &["--gate", "pass_rate >= 0.7", "--gate", "max < 10 m"])?.code(0)?;
    held.says("gate holds pass_rate >= 0.7: it is 75 %, so >= 70 % holds")?.says("gate holds max < 10 m")?;
    let summary: Value = serde_json::from_slice(&fs::read(world.path("held/summary.json"))?)?;
    assert_eq!(summary["gates"][0]["actual"], json!(0.75));
    assert_eq!(
        (&summary["measured"]["gates"][0]["gate"], summary["gates"].as_array().map(Vec::len)),
        (&json!("max < 10 m"), Some(1))
    );
    // They are kept with the run.
    world.arena(&["run", "--resume", "held"])?.code(0)?.says("gate holds pass_rate >= 0.7")?;
    world.arena(&["run", "--resume", "held", "--gate", "failed < 1"])?.code(2)?.says("error[WorkChanged]")?;
    // Some editors begin a file with a mark.
    fs::write(world.path("gates.txt"), "\u{feff}failed < 1\n\n# what must hold\n")?;
    run(&world, "file", &["--gates", "gates.txt"])?
        .code(1)?
        .says("gate broken failed < 1: it is 5, so < 1 does not hold")?;
    world.bundle.spec["gates"] = json!(["error_rate <= 0 %", "regression vs ../held at 95 %"]);
    run(&world, "bundled", &[])?
        .code(0)?
        .says("gate holds error_rate <= 0 %")?
        .says("gate holds regression vs ../held at 95 %: ")?;
    world
        .arena(&["gate", "bundled"])?
        .code(0)?
        .says("gate holds error_rate")?
        .says("gate holds regression vs ../held")?;
    answers(&mut world, 2)?;
    run(&world, "worse", &[])?.code(1)?.says("gate broken regression vs ../held at 95 %: worse: ")?;
    world.bundle.spec["gates"] = json!(["pas_rate > 0"]);
    let refused = run(&world, "unknown", &[])?.code(2)?;
    refused.says("error[GateMetricUnknown] spec.gates[0]")?;
    assert!(!world.path("unknown").exists());
    Ok(())
}

#[test]
fn a_gate_that_nothing_can_decide_is_bad_input() -> Result<()> {
    let world = world(20)?;
    for (gate, reason) in [
        ("pass_rate", "GateInvalid"),
        ("pass_rat > 0", "GateMetricUnknown"),
        ("pass_rate{scenario:s99} > 0", "GateUnmatched"),
        ("mean_score(regex) > 0", "GateUnmatched"),
        ("flake_rate < 0.1", "GateNoData"),
        ("pass@7 > 0", "GateInvalid"),
        ("regression vs nowhere", "NotARun"),
    ] {
        let refused = world.arena(&["run", "bundle", "--out", "out", "--gate", gate])?.code(2)?;
        refused.says(&format!("error[{reason}]"))?;
        assert!(!world.path("out").exists(), "{gate}");
    }
    // Only the answers tell that none is streamed.
    let ran = world.arena(&["run", "bundle", "--out", "out", "--gate", "ttft_p95 < 3s"])?.code(2)?;
    let ran = ran.says("error[GateNoData]: gate `ttft_p95 < 3s`: ")?.says("20 cases = 20 passed")?;
    ran.says("no verdict (a gate is undecided)")?.says("gate undecided ttft_p95 < 3s: ")?;
    world.arena(&["gate", "out"])?.code(2)?.says("gate undecided ttft_p95 < 3s: ")?;
    world.arena(&["results", "list", "out"])?.code(0)?.says("no verdict")?;
    let page = world.arena(&["results", "export", "out", "--format", "markdown"])?.code(0)?;
    page.says("# Arena: no verdict")?.says("is undecided")?;
    world.arena(&["gate", "out", "--gate", "pass_rate{provider:m} >= 1"])?.code(0)?.says("gate holds")?;
    world.arena(&["gate", "out", "--gate", "pass_rate < 1"])?.code(1)?.says("gate broken")?;
    world.arena(&["gate", "out", "--gate", "pass_rate{provider:x} >= 1"])?.code(2)?.says("error[GateNoData]")?;
    world.arena(&["run", "bundle", "--out", "bare", "-q"])?.code(0)?;
    world.arena(&["gate", "bare"])?.code(2)?.says("error[GateInvalid]")?.says("no gates of its own")?;
    Ok(())
}

#[test]
fn a_gate_on_cases_that_are_not_planned_is_refused_before_the_first_call() -> Result<()> {
    let mut world = world(20)?;
    world.arena(&["run", "bundle", "--out", "before", "-q"])?.code(0)?;
    for (more, gate, reason, says) in [
        (["--scenario", "s00"], "pass_rate{scenario:s01} > 0", "GateUnmatched", "it has s00"),
        (["--first", "1"], "pass_rate{scenario:s01} > 0", "GateUnmatched", "it has s00"),
        (["--first", "5"], "regression vs before", "GateNoData", "5 test items of the plan have a verdict"),
        (["--region", "eu"], "regression vs before", "GateNoData", "none of the planned cases has a verdict"),
    ] {
        let arguments = ["run", "bundle", "--out", "out", more[0], more[1], "--gate", gate];
        world.arena(&arguments)?.code(2)?.says(&format!("error[{reason}]"))?.says(says)?;
        assert!(!world.path("out").exists(), "{gate}");
    }
    // Six are the fewest of which the test says anything.
    world.arena(&["run", "bundle", "--out", "six", "--first", "6", "--gate", "regression vs before"])?.code(0)?;
    // A run that is looked at afterwards has too few as well.
    world.arena(&["run", "bundle", "--out", "few", "--first", "3", "-q"])?.code(0)?;
    let few = world.arena(&["gate", "few", "--gate", "regression vs before"])?.code(2)?;
    few.says("gate undecided regression vs before: there are no data: 3 test items are compared, and below 6")?;
    let answered = json!({"defaultResponse": "no"});
    world.bundle.mock("m", &answered)?;
    world.arena(&["run", "bundle", "--out", "flipped", "--first", "3", "-q"])?.code(1)?;
    world.arena(&["gate", "flipped", "--gate", "regression vs before"])?.code(2)?.says("error[GateNoData]")?;
    Ok(())
}

#[test]
fn gates_of_a_bundle_are_validated() -> Result<()> {
    let mut world = world(20)?;
    world.bundle.spec["gates"] = json!(["pass_rate{label:team=sales} > 0", "pass^3 > 0.5", "regression vs ../nowhere"]);
    let found = world.arena(&["validate", "bundle"])?.code(2)?;
    let found = found.says("error[GateUnmatched] gate `pass_rate{label:team=sales} > 0`")?.says("error[GateNoData]")?;
    // The machine that looks at a bundle need not have the run that it is compared with.
    found.says("warning[NotARun]")?.says("2 errors")?;
    let listed = world.arena(&["validate", "bundle", "--format", "json"])?.code(2)?;
    listed.says("GateUnmatched")?.says("NotARun")?;
    Ok(())
}

#[test]
fn some_cases_are_looked_at_without_the_gates_of_their_bundle() -> Result<()> {
    let mut world = world(20)?;
    world.bundle.spec["gates"] = json!(["pass_rate{scenario:s01} > 0"]);
    let first = |out: &str, more: &[&str]| {
        world.arena(&[&["run", "bundle", "--out", out, "--scenario", "s00", "-q"], more].concat())
    };
    first("out", &[])?.code(2)?.says("error[GateUnmatched]")?.says("--no-gates")?;
    first("out", &["--no-gates", "--gate", "pass_rate > 0"])?.code(2)?;
    let ran = first("out", &["--no-gates"])?.code(0)?;
    assert!(!ran.all().contains("gate "), "{}", ran.all());
    // The frozen bundle still has them, and they are still none of the run's.
    world.arena(&["run", "--resume", "out"])?.code(0)?;
    world.arena(&["verify", "out"])?.code(0)?;
    world.arena(&["rescore", "out", "--out", "again", "-q"])?.code(0)?;
    world.arena(&["gate", "out"])?.code(2)?.says("no gates of its own")?;
    Ok(())
}

#[test]
fn baselines_are_found_from_where_they_were_written() -> Result<()> {
    let mut world = world(20)?;
    world.arena(&["run", "bundle", "--out", "before", "-q"])?.code(0)?;
    fs::create_dir(world.path("ci"))?;
    fs::write(world.path("ci/gates.txt"), "regression vs ../before\n")?;
    world.bundle.spec["gates"] = json!(["regression vs ../before at 99 %"]);
    let ran =
        world.arena(&["run", "bundle", "--out", "out", "--gates", "ci/gates.txt", "--gate", "regression vs before"])?;
    ran.code(0)?.says("gate holds regression vs ../before: ")?.says("gate holds regression vs before: ")?;
    // From another folder, too, where the copy of the bundle is all that is left.
    fs::rename(world.path("out"), world.path("ci/out"))?;
    fs::remove_dir_all(world.path("bundle"))?;
    world.arena(&["gate", "ci/out"])?.code(0)?.says("gate holds regression vs ../before at 99 %: ")?;
    fs::remove_dir_all(world.path("before"))?;
    world.arena(&["gate", "ci/out"])?.code(2)?.says("error[NotARun]")?;
    Ok(())
}
