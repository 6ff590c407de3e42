//! Checks that compare by embeddings.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use arena_model::{CheckRecord, Outcome};
use serde_json::{Value, json};

/// A world in which the model says something about a parcel.
fn world() -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("m", "your parcel is in Oslo")?;
    Ok(world)
}

fn run(world: &mut World, out: &str, params: Value) -> Result<CheckRecord> {
    world.bundle.checks("s", json!([{"type": "cosine_similarity", "params": params}]));
    world.arena(&["run", "bundle", "--out", out, "--quiet"])?;
    Ok(world.records(out)?.remove(0).checks.remove(0))
}

#[test]
fn a_reply_is_compared_with_a_text() -> Result<()> {
    let mut world = world()?;
    world.bundle.provider("words", json!({"type": "mock", "role": "embedding", "model": "w"}));
    let near = json!({"reference": "the parcel is in Oslo", "min_similarity": 0.7});
    let check = run(&mut world, "near", near.clone())?;
    assert_eq!(check.outcome, Outcome::Passed, "{:?}", check.reason);
    let [call] = &check.calls[..] else { panic!("{:?}", check.calls) };
    assert_eq!(call.to, "embed:words");
    assert!(call.usage.input > 0 && call.cost_usd_micro > Some(0));
    // What was compared stands in the record: the same verdict can be had of it without a call.
    let vectors: Vec<Vec<f32>> = serde_json::from_str(&call.reply)?;
    let product =
        |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let cosine = product(&vectors[0], &vectors[1])
        / (product(&vectors[0], &vectors[0]).sqrt() * product(&vectors[1], &vectors[1]).sqrt());
    assert!((check.score.unwrap() - cosine).abs() < 1e-9, "{:?} is not {cosine}", check.score);
    assert_eq!(run(&mut world, "again", near)?, check);

    let far = run(&mut world, "far", json!({"reference": "how do I cook rice", "min_similarity": 0.7}))?;
    assert_eq!(far.outcome, Outcome::Failed, "{:?}", far.reason);
    let length = run(&mut world, "length", json!({"reference": [1, 0], "min_similarity": 0.7}))?;
    assert_eq!((length.outcome, length.error.as_deref()), (Outcome::Error, Some("CheckFailed")));
    Ok(())
}

#[test]
fn who_makes_the_vectors_is_named_or_the_default_and_its_trouble_is_an_error() -> Result<()> {
    let down = Failing::always(Failure::Status { status: 401, retry_after: None, body: None });
    let (vendor, refusing) =
        (FakeVendor::start(Behaviour::default())?, FakeVendor::start(Behaviour::default().failing([down]))?);
    let mut world = world()?;
    let same = json!({"reference": "your parcel is in Oslo", "min_similarity": 0.99});
    let nobody = run(&mut world, "nobody", same.clone())?;
    assert_eq!((nobody.outcome, nobody.error.as_deref()), (Outcome::Error, Some("BadParams")));
    assert!(nobody.reason.as_ref().unwrap().contains("role: embedding"), "{:?}", nobody.reason);
    let ran = world.arena(&["validate", "bundle"])?.code(2)?;
    assert!(ran.all().contains("role: embedding"), "{}", ran.all());

    for (id, vendor) in [("bad", &refusing), ("good", &vendor)] {
        let spec = json!({"type": "vllm", "role": "embedding", "model": "e", "base_url": vendor.url(),
            "pricing": {"input_cost_per_1k": 1.0, "output_cost_per_1k": 0.0}});
        world.bundle.provider(id, spec);
    }
    let refused = run(&mut world, "refused", same.clone())?;
    assert_eq!(
        (refused.outcome, refused.error.as_deref()),
        (Outcome::Error, Some("EmbedFailed")),
        "{:?}",
        refused.reason
    );
    assert!(refused.reason.as_ref().unwrap().contains("CredentialRefused"), "{:?}", refused.reason);
    let mut named = same.clone();
    named["embedder"] = json!("good");
    assert_eq!(run(&mut world, "named", named.clone())?.outcome, Outcome::Passed);
    named["embedder"] = json!("god");
    assert!(run(&mut world, "misspelt", named)?.reason.unwrap().contains("`good`"));
    world.bundle.spec["defaults"] = json!({"inference": {"embedder": "good"}});
    assert_eq!(run(&mut world, "default", same)?.outcome, Outcome::Passed);
    assert_eq!(vendor.calls(), 2);
    Ok(())
}
