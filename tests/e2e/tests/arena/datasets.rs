//! Scenarios whose cases are the rows of a table.

use std::path::Path;

use anyhow::Result;
use arena_e2e::World;
use arena_model::{Outcome, Record};
use serde_json::{Value, json};

use Outcome::{Error, Failed, Passed};

/// Capitals, of which the mock knows only one.
const CAPITALS: &str = "country,expected,split\nFrance,Paris,test\nItaly,Rome,test\nSpain,Madrid,train\n";

fn check() -> Value {
    json!({"type": "contains", "params": {"patterns": ["{{row.expected}}"]}})
}

/// A scenario with this dataset that asks for the capital of each row's country; the answer is always Paris.
fn world(dataset: Value, check: Value) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("m", "It is Paris.")?.file("data/capitals.csv", CAPITALS)?;
    let turn = json!({"role": "user", "content": "The capital of {{row.country}}?", "assertions": [check]});
    world.bundle.scenario("s", json!({"task_type": "p", "description": "d", "dataset": dataset, "turns": [turn]}));
    Ok(world)
}

fn rows(records: &[Record]) -> Vec<(&str, Outcome)> {
    records.iter().map(|record| (record.row.as_deref().unwrap_or_default(), record.outcome)).collect()
}

#[test]
fn each_row_is_a_case_with_its_values_in_the_places_of_tokens() -> Result<()> {
    let world = world(json!({"path": "data/capitals.csv", "id": "country"}), check())?;
    let records = world.run(&[])?;
    assert_eq!(rows(&records), [("France", Passed), ("Italy", Failed), ("Spain", Failed)]);
    assert_eq!(records[1].messages[1].content.text(), "The capital of Italy?");
    // The same rows are the same cases when the table is moved and longer.
    let mut moved = self::world(json!({"path": "b.jsonl", "id": "country"}), check())?;
    let lines = "{\"country\":\"Greece\",\"expected\":\"Athens\"}\n{\"country\":\"Italy\",\"expected\":\"Rome\"}\n";
    moved.bundle.file("b.jsonl", lines)?;
    let again = moved.run(&[])?;
    assert_eq!(again[1].key, records[1].key);
    Ok(())
}

#[test]
fn splits_columns_samples_and_the_first_rows() -> Result<()> {
    let of = |dataset: Value| -> Result<Vec<String>> {
        let mut dataset = dataset;
        dataset["id"] = json!("country");
        let records = world(dataset, check())?.run(&[])?;
        Ok(records.into_iter().filter_map(|record| record.row).collect())
    };
    let path = "data/capitals.csv";
    assert_eq!(of(json!({"path": path, "split": "test"}))?, ["France", "Italy"]);
    assert_eq!(of(json!({"path": path, "where": {"expected": ["Rome", "Madrid"]}}))?, ["Italy", "Spain"]);
    assert_eq!(of(json!({"path": path, "split": "train", "split_column": "split"}))?, ["Spain"]);
    assert_eq!(of(json!({"path": "data/{split}.csv", "split": "capitals", "first": 1}))?, ["France"]);
    let sample = |seed: u64| of(json!({"path": path, "sample": {"rows": 2, "seed": seed}}));
    assert_eq!(sample(1)?, sample(1)?);
    let strata = of(json!({"path": path, "sample": {"rows": 2, "seed": 3, "stratify": "split"}}))?;
    assert!(strata.len() == 2 && strata.contains(&"Spain".to_owned()), "{strata:?}");
    Ok(())
}

#[test]
fn a_malformed_row_is_its_own_error_with_its_line() -> Result<()> {
    let mut world = world(json!({"path": "t.jsonl", "id": "country"}), check())?;
    let lines = "{\"country\":\"France\",\"expected\":\"Paris\"}\n{oops}\n{\"country\":\"Chad\"}\n";
    world.bundle.file("t.jsonl", lines)?;
    let records = world.run(&[])?;
    assert_eq!(rows(&records), [("France", Passed), ("!line-2", Error), ("Chad", Error)]);
    let why = |at: usize| records[at].reason.clone().unwrap_or_default();
    assert_eq!(why(1), "RowMalformed: t.jsonl:2: no JSON object: key must be a string at column 2");
    assert_eq!(why(2), "RowColumnMissing: t.jsonl:3: the row has no `expected`, which the scenario names");
    world
        .arena(&["validate", "bundle"])?
        .code(2)?
        .says("t.jsonl:2: error[RowMalformed] 1 of 3 rows, the first: no JSON object")?
        .says("t.jsonl:3: error[RowColumnMissing] 1 of 3 rows, the first: the row has no `expected`")?;
    world.arena(&["run", "bundle", "--strict"])?.code(2)?.says("RowMalformed")?;
    Ok(())
}

#[test]
fn what_is_wrong_with_a_table_is_found_before_any_call() -> Result<()> {
    let refused = |dataset: Value, text: &str| -> Result<()> {
        let mut world = world(dataset, check())?;
        world.bundle.file("twice.csv", "country,expected\nFrance,Paris\nFrance,Paris\n")?;
        world.bundle.file("table.txt", "x")?;
        for command in [&["validate", "bundle"][..], &["run", "bundle", "--out", "out"]] {
            world.arena(command)?.code(2)?.says(text)?;
            assert!(!world.path("out").exists());
        }
        Ok(())
    };
    refused(
        json!({"path": "data/capitals.csv", "id": "land"}),
        "there is no column `land`; there are country, expected",
    )?;
    refused(
        json!({"path": "data/capitals.csv", "where": {"splt": "test"}}),
        "no column `splt`; did you mean `split`?",
    )?;
    refused(json!({"path": "data/capitals.csv", "split": "dev"}), "none of its 3 rows is left by split = dev")?;
    refused(json!({"path": "twice.csv", "id": "country"}), "lines 2 and 3 have the same `country`, \"France\"")?;
    refused(json!({"path": "table.txt"}), "DatasetFormatUnknown")?;
    refused(json!({"path": "data/capital.csv"}), "FileMissing")?;
    refused(json!({"id": "country"}), "DatasetMissing")?;
    refused(json!({"path": "data/capitals.csv", "sample": {"rows": 0}}), "ValueOutOfRange")?;
    refused(json!({"path": "data/{split}.csv"}), "DatasetSplitMissing")?;
    let missing = json!({"type": "contains", "params": {"patterns": ["{{row.answer}}"]}});
    let world = world(json!({"path": "data/capitals.csv"}), missing)?;
    world.arena(&["run", "bundle"])?.code(2)?.says("there is no column `answer`")?;
    Ok(())
}

#[test]
fn rows_bring_checks_of_their_own() -> Result<()> {
    let own = |check: Value| json!({"country": "France", "expected": [check]}).to_string() + "\n";
    let mut world = world(json!({"path": "t.jsonl"}), json!({"type": "min_length", "params": {"min": 1}}))?;
    let lines = [
        own(json!({"type": "contains", "params": {"patterns": ["Paris"]}})),
        own(json!({"type": "contains", "params": {"patterns": ["Rome"]}, "message": "Rome it is"})),
        own(json!({"type": "contains", "params": {"patterns": ["Rome"]}, "negate": true})),
        own(json!({"type": "contains", "parms": {}})),
        json!({"country": "Italy", "expected": "Rome"}).to_string() + "\n",
        own(json!({"type": "contians", "params": {"patterns": ["Rome"]}})),
        own(json!({"type": "any_of", "params": {}})),
        json!({"country": "Chad", "expected": "[{\"type\": \"regex\", \"params\": {\"pattern\": \"^It\"}}]"})
            .to_string(),
    ];
    world.bundle.file("t.jsonl", &lines.concat())?;
    let records = world.run(&[])?;
    let outcomes: Vec<_> = records.iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [Passed, Failed, Passed, Error, Error, Error, Error, Passed]);
    world
        .arena(&["validate", "bundle"])?
        .code(2)?
        .says("t.jsonl:6: error[CheckUnknown]")?
        .says("t.jsonl:4: error[RowExpectedInvalid] 2 of 8 rows")?
        .says("t.jsonl:5: error[RowExpectedUnused]")?;
    assert!(records[1].reason.as_deref().unwrap_or_default().contains("Rome it is"));
    assert!(records[3].reason.as_deref().unwrap_or_default().contains("there is no key `parms`"));
    assert_eq!(records[4].error.as_deref(), Some("RowExpectedUnused"), "a text that nothing looks at is no pass");
    Ok(())
}

/// The rows of a run over a table that lies beside the bundle.
fn given(world: &World, out: &str, more: &[&str]) -> Result<Vec<Record>> {
    let mut all = vec!["run", "bundle", "--out", out, "--quiet", "--dataset", "given.csv"];
    all.extend(more);
    world.arena(&all)?;
    world.records(out)
}

#[test]
fn a_table_beside_the_bundle_is_frozen_with_the_run() -> Result<()> {
    let world = world(json!({"id": "country"}), check())?;
    std::fs::write(world.path("given.csv"), CAPITALS)?;
    let records = given(&world, "out", &[])?;
    assert_eq!(rows(&records), [("France", Passed), ("Italy", Failed), ("Spain", Failed)]);
    let pinned = world.manifest("out")?.work.config["dataset"].clone();
    assert!(pinned.as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{pinned}");
    std::fs::remove_file(world.path("given.csv"))?;
    world.arena(&["run", "--resume", "out"])?.code(1)?;
    spoil(&world.path("out/inputs/dataset/rows"))?;
    world.arena(&["run", "--resume", "out"])?.code(3)?.says("DatasetIndexBroken")?;
    Ok(())
}

/// Turns the last byte of a file over, which others may have linked.
fn spoil(path: &Path) -> Result<()> {
    let mut bytes = std::fs::read(path)?;
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    std::fs::remove_file(path)?;
    Ok(std::fs::write(path, bytes)?)
}

#[test]
fn a_table_that_changed_is_read_again() -> Result<()> {
    let world = world(json!({"id": "country"}), check())?;
    std::fs::write(world.path("given.csv"), CAPITALS)?;
    assert_eq!(given(&world, "one", &[])?.len(), 3);
    std::fs::write(world.path("given.csv"), format!("{CAPITALS}Chad,Paris,test\n"))?;
    assert_eq!(given(&world, "two", &[])?.len(), 4);
    world.arena(&["run", "bundle", "--dataset", "nowhere.csv"])?.code(2)?.says("DatasetUnreadable")?;
    let path = json!({"path": "data/capitals.csv"});
    let unused = self::world(path, check())?;
    std::fs::write(unused.path("given.csv"), CAPITALS)?;
    unused.arena(&["run", "bundle", "--dataset", "given.csv"])?.code(2)?.says("DatasetUnused")?;
    Ok(())
}

#[test]
fn filters_find_rows_by_what_failed_before() -> Result<()> {
    let world = world(json!({"path": "data/capitals.csv", "id": "country"}), check())?;
    world.run(&[])?;
    world.arena(&["run", "bundle", "--out", "again", "--quiet", "--failed-from", "out"])?.code(1)?;
    assert_eq!(rows(&world.records("again")?), [("Italy", Failed), ("Spain", Failed)]);
    Ok(())
}

#[test]
fn prompts_see_columns_and_what_a_value_says_is_not_looked_into() -> Result<()> {
    let mut world = world(json!({"path": "t.jsonl"}), json!({"type": "min_length", "params": {"min": 1}}))?;
    world.bundle.file("t.jsonl", "{\"country\":\"{{row.mood}} {{name}}\",\"mood\":\"calm\"}\n")?;
    world.bundle.spec["prompt_specs"]["p"]["system_template"] = json!("Be {{row.mood}}.");
    let record = world.run_one()?;
    assert_eq!(record.messages[0].content.text(), "Be calm.");
    assert_eq!(record.messages[1].content.text(), "The capital of {{row.mood}} {{name}}?");
    Ok(())
}

#[test]
fn a_row_that_cannot_fail_is_no_pass() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "It is Paris.")?;
    let own = json!({"q": "a", "expected": [{"type": "contains", "params": {"patterns": ["Paris"]}}]});
    let lines = [own, json!({"q": "b"}), json!({"q": "c", "expected": []}), json!({"q": "d", "expected": ""})];
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    world.bundle.file("t.jsonl", &lines)?;
    let turn = json!({"role": "user", "content": "{{row.q}}"});
    world.bundle.scenario("s", json!({"dataset": {"path": "t.jsonl"}, "turns": [turn]}));
    let records = world.run(&[])?;
    assert_eq!(records[0].outcome, Passed);
    let unchecked = records.iter().filter(|record| record.error.as_deref() == Some("RowUnchecked")).count();
    assert_eq!(unchecked, 3);
    world.arena(&["validate", "bundle"])?.code(2)?.says("t.jsonl:2: error[RowUnchecked] 3 of 4 rows")?;
    Ok(())
}

#[test]
fn a_token_in_what_the_user_says_is_no_check() -> Result<()> {
    let mut world = world(json!({"path": "t.jsonl"}), json!({"type": "min_length", "params": {"min": 1}}))?;
    world.bundle.file("t.jsonl", "{\"country\":\"a\",\"expected\":\"Rome\"}\n")?;
    let check = json!({"type": "min_length", "params": {"min": 1}, "message": "{{row.expected}}"});
    let turn = json!({"role": "user", "content": "Is it {{row.expected}}?", "assertions": [check]});
    world.bundle.scenario("s", json!({"dataset": {"path": "t.jsonl"}, "turns": [turn]}));
    assert_eq!(world.run_one()?.error.as_deref(), Some("RowExpectedUnused"));
    Ok(())
}

#[test]
fn what_is_kept_is_made_again_when_it_is_damaged() -> Result<()> {
    let mut world = world(json!({"id": "country"}), check())?;
    let cache = world.path("cache");
    world.set("ARENA_CACHE", &cache.to_string_lossy());
    std::fs::write(world.path("given.csv"), CAPITALS)?;
    given(&world, "one", &[])?;
    let kept = |name: &str| -> Result<std::path::PathBuf> {
        let folders = std::fs::read_dir(cache.join("datasets"))?.collect::<std::io::Result<Vec<_>>>()?;
        let found = folders.iter().map(|folder| folder.path().join(name)).find(|path| path.exists());
        found.ok_or_else(|| anyhow::anyhow!("no {name} is kept"))
    };
    let index = std::fs::read_to_string(kept("index.json")?)?;
    std::fs::write(kept("index.json")?, index.replace("\"rows\":3", "\"rows\":2"))?;
    assert_eq!(given(&world, "two", &[])?.len(), 3);
    std::fs::write(kept("rows")?, "")?;
    assert_eq!(given(&world, "three", &[])?.len(), 3);
    // A run's folder has files of its own.
    std::fs::write(world.path("three/inputs/dataset/index.json"), "{}")?;
    assert_eq!(given(&world, "four", &[])?.len(), 3);
    world.arena(&["run", "--resume", "three"])?.code(3)?.says("DatasetIndexBroken")?;
    Ok(())
}

#[test]
fn media_that_a_row_names_must_be_there() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "A cat.")?.file("cat.png", "no picture")?;
    world.bundle.file("t.jsonl", "{\"file\":\"cat.png\"}\n{\"file\":\"dog.png\"}\n{\"file\":\"../t\"}\n")?;
    let part = json!({"type": "image", "media": {"file_path": "{{row.file}}", "mime_type": "image/png"}});
    let check = json!({"type": "contains", "params": {"patterns": ["cat"]}});
    let turn = json!({"role": "user", "parts": [part], "assertions": [check]});
    world.bundle.scenario("s", json!({"dataset": {"path": "t.jsonl", "id": "file"}, "turns": [turn]}));
    assert_eq!(rows(&world.run(&[])?), [("cat.png", Passed), ("dog.png", Error), ("../t", Error)]);
    world.arena(&["validate", "bundle"])?.code(2)?.says("t.jsonl:2: error[FileMissing]")?.says("PathEscape")?;
    Ok(())
}

#[test]
fn cases_that_are_gone_are_told() -> Result<()> {
    let mut world = world(json!({"path": "data/capitals.csv"}), check())?;
    world.run(&[])?;
    world.bundle.file("data/capitals.csv", &CAPITALS.replace("Rome", "Roma"))?;
    let told = "[CasesGone] 1 of the 2 cases that are asked for";
    world.arena(&["run", "bundle", "--out", "again", "--failed-from", "out"])?.code(1)?.says(told)?;
    assert_eq!(world.records("again")?.len(), 1);
    Ok(())
}
