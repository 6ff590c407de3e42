//! Engines for templates that keep their instances.

use std::sync::Arc;

use arena_sandbox::{Component, Evaluation, Grants, GuestError, Limits};

use crate::stand::{Stand, built};

async fn engine(stand: &Stand, name: &str, limits: Limits) -> Component {
    stand.sandbox.load(name, &built(name), limits, Grants::default()).await.unwrap()
}

async fn rendered(stand: &Stand, engine: &Arc<Component>, source: &str, variables: &str) -> Evaluation<String> {
    let (sandbox, engine) = (stand.sandbox.clone(), engine.clone());
    let (source, variables) = (source.to_owned(), variables.to_owned());
    stand.sandbox.on_pool(async move { sandbox.render(&engine, &source, &variables, 0).await }).await.unwrap()
}

/// The same from an instance that serves many and from one of its own.
async fn both(stand: &Stand, name: &str, limits: Limits) -> [Arc<Component>; 2] {
    [Arc::new(engine(stand, name, limits).await.keeps_nothing()), Arc::new(engine(stand, name, limits).await)]
}

#[tokio::test]
async fn texts_and_errors_are_those_of_fresh_instances() {
    let stand = Stand::new(2);
    let [kept, fresh] = both(&stand, "go-template", Limits::compiled()).await;
    let sources =
        ["Dear {{.name}}", "{{if .name}}yes", "{{.name}} {{.name}}", "{{nope}}", "{{range .list}}{{.}};{{end}}"];
    let mut fuel = Vec::new();
    for round in 0..20 {
        for source in sources {
            let variables = format!(r#"{{"name":"customer {round}","list":[{round},2]}}"#);
            let [one, other] =
                [rendered(&stand, &kept, source, &variables).await, rendered(&stand, &fresh, source, &variables).await];
            assert_eq!(one.result, other.result, "{source}");
            if source == sources[0] {
                fuel.push((one.fuel, other.fuel));
            }
        }
    }
    // One that is not fresh has nothing to set up.
    assert!(fuel.iter().skip(1).any(|(one, other)| one < other), "{fuel:?}");
}

#[tokio::test]
async fn what_needs_more_than_a_kept_instance_has_is_done_in_a_fresh_one() {
    let stand = Stand::new(2);
    let source = "{{name}} ".repeat(200);
    let variables = r#"{"name":"x"}"#;
    let [_, plain] = both(&stand, "template", Limits::compiled()).await;
    let needed = rendered(&stand, &plain, &source, variables).await.fuel;
    let just = Limits { fuel: needed, ..Limits::compiled() };
    let short = Limits { fuel: needed - 1, ..Limits::compiled() };
    for _ in 0..3 {
        let [kept, _] = both(&stand, "template", just).await;
        let enough = rendered(&stand, &kept, &source, variables).await;
        assert_eq!((enough.result, enough.fuel), (Ok("x ".repeat(200)), needed));
        let [kept, _] = both(&stand, "template", short).await;
        let result = rendered(&stand, &kept, &source, variables).await.result;
        assert_eq!(result, Err(GuestError::FuelExhausted { limit: needed - 1 }));
    }
}

#[tokio::test]
async fn one_that_took_more_memory_is_not_kept() {
    let stand = Stand::new(2);
    let [kept, fresh] = both(&stand, "template", Limits::compiled()).await;
    let variables = format!(r#"{{"name":"{}"}}"#, "x".repeat(200 << 10));
    let (large, alone) =
        (rendered(&stand, &kept, "{{name}}", &variables).await, rendered(&stand, &fresh, "{{name}}", &variables).await);
    assert!(large.result.is_ok() && alone.result.is_ok());
    let small = rendered(&stand, &kept, "{{name}}", r#"{"name":"x"}"#).await;
    assert_eq!(small.result, Ok("x".to_owned()));
    assert!(small.memory_bytes < large.memory_bytes, "{} {}", small.memory_bytes, large.memory_bytes);
}
