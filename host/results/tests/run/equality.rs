use arena_model::{Outcome, Record};
use arena_results::{RunDir, equal};

use crate::sample::{append, create, finish, finished, standard};

fn changed(dir: &std::path::Path, change: impl Fn(&mut Record)) -> RunDir {
    let run = create(dir, 8);
    let (mut done, not_run) = standard();
    done.iter_mut().for_each(change);
    done.rotate_left(2);
    append(&run, &done);
    finish(&run, not_run).unwrap();
    run
}

#[test]
fn times_places_and_order_make_no_difference() {
    let temp = tempfile::tempdir().unwrap();
    let a = finished(&temp.path().join("a"));
    let b = changed(&temp.path().join("b"), |record| {
        record.measured.latency_ms += 5.0;
        record.measured.worker = "another".into();
    });
    assert_eq!(equal(&a, &b).unwrap(), [""; 0]);
}

#[test]
fn everything_else_does() {
    let temp = tempfile::tempdir().unwrap();
    let a = finished(&temp.path().join("a"));
    type Change = fn(&mut Record);
    let changes: [(&str, Change, &str); 5] = [
        (
            "outcome",
            |r| {
                if r.index == 1 {
                    r.outcome = Outcome::Passed
                }
            },
            "case 1 (s0/p0/trial 2).outcome: \"failed\" and \"passed\"",
        ),
        (
            "fuel",
            |r| {
                if r.index == 2 {
                    r.checks[0].fuel += 1
                }
            },
            "case 2 (s0/p1).checks[0].fuel: 101 and 102",
        ),
        (
            "params",
            |r| {
                if r.index == 2 {
                    r.checks[0].params = serde_json::json!({"measured": 1})
                }
            },
            "params.measured: null and 1",
        ),
        (
            "checks",
            |r| {
                if r.index == 3 {
                    r.checks.clear()
                }
            },
            "case 3 (s0/p1/trial 2).checks: 1 and 0 entries",
        ),
        (
            "cost",
            |r| {
                if r.index == 6 {
                    r.cost_usd_micro = Some(21)
                }
            },
            "cost_usd_micro: 20 and 21",
        ),
    ];
    for (name, change, wanted) in changes {
        let b = changed(&temp.path().join(name), change);
        let found = equal(&a, &b).unwrap();
        assert!(found.iter().any(|line| line.contains(wanted)), "{name}: {found:#?}");
        assert!(found.iter().any(|line| line.starts_with("summary.json.merkleRoot")), "{name}: {found:#?}");
    }
}

#[test]
fn fuel_of_an_instance_that_served_before_makes_no_difference() {
    let temp = tempfile::tempdir().unwrap();
    let with_fuel = |fuel: u64| {
        move |record: &mut Record| {
            for check in &mut record.checks {
                (check.reused, check.fuel, check.memory_bytes) = (true, fuel, fuel);
            }
        }
    };
    let a = changed(&temp.path().join("a"), with_fuel(1));
    let b = changed(&temp.path().join("b"), with_fuel(2));
    assert_eq!(equal(&a, &b).unwrap(), [""; 0]);
}

#[test]
fn missing_cases_and_other_work_are_named_and_the_list_is_bounded() {
    let temp = tempfile::tempdir().unwrap();
    let a = finished(&temp.path().join("a"));
    let b = create(&temp.path().join("b"), 200);
    append(&b, &(0..200).filter(|i| *i != 2).map(|i| crate::sample::record(i, Outcome::Skipped)).collect::<Vec<_>>());
    let found = equal(&a, &b).unwrap();
    assert!(found[0].starts_with("workDigest: "));
    assert!(found.contains(&"case 2 (s0/p1): only in the first".to_owned()));
    assert!(found.contains(&"case 8 (s2/p0): only in the second".to_owned()));
    assert_eq!(found.len(), 101);
    assert!(found[100].starts_with("and ") && found[100].ends_with(" more"));
}
