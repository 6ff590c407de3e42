//! What is shown while a run goes on.

use anyhow::Result;
use arena_e2e::World;
use serde_json::{Value, json};

fn world() -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("fine", "fine")?.says("poor", "poor")?;
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(2);
    Ok(world)
}

fn events(err: &str) -> Vec<Value> {
    err.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn programs_get_one_object_a_line() -> Result<()> {
    let world = world()?;
    let ran =
        world.arena(&["run", "bundle", "--out", "out", "--progress", "json", "--show", "failures", "-q"])?.code(1)?;
    let found = events(&ran.err);
    let names: Vec<&str> = found.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!((names.first(), names.last()), (Some(&"start"), Some(&"end")));
    let cases: Vec<&Value> = found.iter().filter(|event| event["event"] == "case").collect();
    assert_eq!(cases.len(), 2);
    assert!(cases.iter().all(|case| case["outcome"] == "failed" && case["provider"] == "poor"), "{cases:?}");
    let end = found.last().unwrap();
    assert_eq!(
        (&end["done"], &end["planned"], &end["passed"], &end["failed"]),
        (&json!(4), &json!(4), &json!(2), &json!(2))
    );
    assert!(end["cost_usd_micro"].is_u64(), "{end}");
    Ok(())
}

#[test]
fn people_see_what_they_asked_for() -> Result<()> {
    let world = world()?;
    for (show, lines) in [("failures", 2), ("all", 4), ("none", 0)] {
        let ran = world.arena(&["run", "bundle", "--out", show, "--show", show])?.code(1)?;
        let told = ran.err.lines().filter(|line| line.contains(" ms)")).count();
        assert_eq!(told, lines, "{show}: {}", ran.err);
    }
    let ran = world.arena(&["run", "bundle", "--out", "none-at-all", "--progress", "none"])?.code(1)?;
    assert_eq!(ran.err, "");
    world.arena(&["run", "bundle", "--out", "x", "--progress", "loud"])?.code(2)?;
    Ok(())
}

#[test]
fn the_order_of_cases_changes_nothing() -> Result<()> {
    let mut world = world()?;
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(20);
    let mut orders = Vec::new();
    let mut roots = Vec::new();
    for (out, flags) in [("plain", &[][..]), ("a", &["--shuffle", "1"]), ("b", &["--shuffle", "2"])] {
        let run = [&["run", "bundle", "--out", out, "-j", "1", "--progress", "json", "--show", "all", "-q"][..], flags]
            .concat();
        let ran = world.arena(&run)?.code(1)?;
        let index = |event: &Value| event["index"].as_u64();
        orders.push(events(&ran.err).iter().filter_map(index).collect::<Vec<_>>());
        let summary: Value = serde_json::from_slice(&std::fs::read(world.path(out).join("summary.json"))?)?;
        roots.push((summary["merkleRoot"].clone(), summary["workDigest"].clone(), summary["cases"].clone()));
    }
    assert!(orders[0] != orders[1] && orders[1] != orders[2], "{orders:?}");
    assert!(orders.iter().all(|order| order.len() == 40));
    assert!(roots.iter().all(|root| *root == roots[0]), "{roots:?}");
    Ok(())
}
