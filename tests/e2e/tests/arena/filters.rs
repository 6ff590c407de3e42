//! `arena run` with flags that say which cases are run.

use std::collections::BTreeSet;

use anyhow::Result;
use arena_e2e::{Signal, World, until};
use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use arena_model::Record;
use serde_json::json;

/// 3 scenarios x 2 models x 2 trials; `bad` fails, `odd` is an error.
fn world() -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("large", "fine")?.says("small", "fine")?;
    for (id, area, check) in [
        ("bad", "returns", json!({"type": "contains", "params": {"patterns": ["nowhere"]}})),
        ("good", "orders", json!({"type": "contains", "params": {"patterns": ["fine"]}})),
        ("odd", "orders", json!({"type": "contains"})),
    ] {
        let turn = json!({"role": "user", "content": "hello", "assertions": [check]});
        world.bundle.scenario(id, json!({"trials": 2, "labels": {"area": area, id: "yes"}, "turns": [turn]}));
    }
    Ok(world)
}

fn names(records: &[Record]) -> BTreeSet<String> {
    records.iter().map(|r| format!("{} {} {}", r.scenario, r.provider, r.trial + 1)).collect()
}

#[test]
fn names_globs_labels_and_trials_leave_what_they_match() -> Result<()> {
    for (flags, expected) in [
        (&["--scenario", "good"][..], 4),
        (&["--scenario", "good, b*"], 8),
        (&["--scenario", "{good,odd}"], 8),
        (&["--scenario", "good", "--scenario", "odd", "--provider", "sm?ll"], 4),
        (&["--label", "area=orders", "--trial", "2"], 4),
        (&["--label", "area=o*,area=returns", "--first", "3"], 3),
        (&["--label", "area=orders,good"], 4),
        (&["--label", "bad", "--provider", "large", "--trial", "1"], 1),
        (&["--trial", "1,2"], 12),
    ] {
        let world = world()?;
        let records = world.run(flags)?;
        assert_eq!(records.len(), expected, "{flags:?}: {:?}", names(&records));
        assert!((0..).zip(&records).all(|(at, record)| record.index == at), "{flags:?}");
    }
    Ok(())
}

#[test]
fn a_filter_that_matches_nothing_is_bad_input_and_says_what_there_is() -> Result<()> {
    let world = world()?;
    for (flags, text) in [
        (&["--scenario", "goood"][..], "no scenario matches `goood`; did you mean `good`?; there are bad, good, odd"),
        (&["--scenario", "good,x*"], "no scenario matches `x*`"),
        (&["--provider", "larg"], "did you mean `large`?"),
        (&["--label", "aera"], "no scenario has the label `aera`; did you mean `area`?"),
        (&["--label", "area=order"], "did you mean `orders`?"),
        (&["--label", "bad,area=orders"], "no scenario has all the labels area=orders, bad"),
        (&["--trial", "3"], "there is no trial 3; the scenarios have up to 2"),
        (&["--scenario", ""], "--scenario \"\" has an empty name"),
    ] {
        let ran = world.arena(&[&["run", "bundle", "--out", "out"][..], flags].concat())?;
        ran.code(2)?.says("error[NothingSelected]")?.says(text)?;
        assert!(!world.path("out").exists());
    }
    world.arena(&["run", "bundle", "--scenario", "a{"])?.code(2)?.says("error[GlobInvalid]")?;
    world.arena(&["run", "bundle", "--trial", "0"])?.code(2)?;
    world.arena(&["run", "bundle", "--first", "1", "--sample", "1"])?.code(2)?;
    Ok(())
}

#[test]
fn a_region_is_a_variable_of_templates_and_multiplies_the_cases() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.spec["prompt_specs"]["p"]["system_template"] = json!("You help in {{region}}.");
    world.bundle.says("m", "fine")?.scenario("s", json!({}));
    let records = world.run(&["--region", "eu,us"])?;
    let seen: Vec<_> =
        records.iter().map(|r| (r.region.clone().unwrap(), r.messages[0].content.text().into_owned())).collect();
    let expected = [("eu", "You help in eu."), ("us", "You help in us.")];
    assert_eq!(seen, expected.map(|(region, prompt)| (region.to_owned(), prompt.to_owned())));
    world.arena(&["run", "bundle", "--out", "o", "--region", "eu,eu"])?.code(2)?.says("error[PlanDuplicate]")?;
    Ok(())
}

#[test]
fn a_sample_is_the_same_for_the_same_seed() -> Result<()> {
    let world = world()?;
    let mut samples = Vec::new();
    for (out, seed) in [("a", "7"), ("b", "7"), ("c", "8"), ("d", "9")] {
        world.arena(&["run", "bundle", "--out", out, "-q", "--sample", "4", "--seed", seed])?;
        samples.push(names(&world.records(out)?));
    }
    assert_eq!((samples[0].len(), &samples[0]), (4, &samples[1]));
    assert!(samples[2] != samples[0] || samples[3] != samples[0], "{samples:?}");
    assert_eq!(world.manifest("a")?.work_digest, world.manifest("b")?.work_digest);
    Ok(())
}

#[test]
fn what_failed_or_ended_in_error_is_run_again() -> Result<()> {
    let world = world()?;
    world.arena(&["run", "bundle", "--out", "first", "-q"])?.code(1)?;
    for (out, flags, expected) in [
        ("f", &["--failed-from", "first"][..], &["bad"][..]),
        ("e", &["--errored-from", "first", "--provider", "small"], &["odd"]),
        ("fe", &["--failed-from", "first", "--errored-from", "first", "--trial", "1"], &["bad", "odd"]),
    ] {
        world.arena(&[&["run", "bundle", "-q", "--out", out][..], flags].concat())?.code(1)?;
        let scenarios: BTreeSet<String> = world.records(out)?.into_iter().map(|record| record.scenario).collect();
        assert_eq!(scenarios.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{flags:?}");
    }
    world.arena(&["run", "bundle", "--out", "g", "-q", "--scenario", "good"])?.code(0)?;
    world.arena(&["run", "bundle", "--failed-from", "g"])?.code(2)?.says("error[NothingSelected]")?;
    world.arena(&["run", "bundle", "--failed-from", "nowhere"])?.code(2)?.says("error[NotARun]")?;
    Ok(())
}

#[test]
fn what_was_selected_is_part_of_the_work_and_stays_on_resume() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    let check = json!([{"type": "contains", "params": {"patterns": ["nowhere"]}}]);
    let turn = json!({"role": "user", "content": "hello", "assertions": check});
    world.bundle.openai("m", &vendor.url()).says("other", "nowhere")?;
    world.bundle.scenario("s", json!({"trials": 3, "turns": [turn]}));
    world.arena(&["run", "bundle", "--out", "first", "-q"])?.code(1)?;

    vendor.behave(Behaviour::default().failing([Failing::always(Failure::Hang)]));
    let asked = vendor.calls();
    let flags = ["--failed-from", "first", "--trial", "1,3", "-j", "1"];
    let mut running = world.start(&[&["run", "bundle", "--out", "out"][..], &flags].concat())?;
    until("the call", || vendor.calls() > asked)?;
    running.signal(Signal::INT)?;
    running.wait_for("once more to stop at once")?;
    running.signal(Signal::INT)?;
    running.end()?.code(130)?;
    vendor.behave(Behaviour::text("fine"));
    // The earlier run is not needed any more.
    std::fs::remove_dir_all(world.path("first"))?;
    world.arena(&["run", "--resume", "out", "--trial", "1"])?.code(2)?;
    world.arena(&["run", "--resume", "out", "bundle", "-q"])?.code(1)?.says("failed: 2 cases")?;
    assert_eq!(names(&world.records("out")?), BTreeSet::from(["s m 1".to_owned(), "s m 3".to_owned()]));

    let mut digests = BTreeSet::from([world.manifest("out")?.work_digest]);
    for (out, flags) in [("all", &[][..]), ("one", &["--first", "1"]), ("m", &["--provider", "m"])] {
        world.arena(&[&["run", "bundle", "-q", "--out", out][..], flags].concat())?;
        digests.insert(world.manifest(out)?.work_digest);
    }
    assert_eq!(digests.len(), 4);
    std::fs::write(world.path("out/inputs/cases"), "other\n")?;
    world.arena(&["run", "--resume", "out"])?.code(2)?;
    Ok(())
}

#[test]
fn a_provider_that_is_left_out_is_neither_connected_nor_warned_of() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.provider("vendor", json!({"type": "openai", "model": "m"})).says("m", "fine")?;
    world.bundle.scenario("s", json!({}));
    world.arena(&["run", "bundle", "--out", "all"])?.says("CredentialMissing")?;
    let ran = world.arena(&["run", "bundle", "--out", "one", "--provider", "m"])?.code(0)?;
    assert!(!ran.all().contains("CredentialMissing"), "{}", ran.all());
    Ok(())
}
