//! Components that cannot be used, each refused with its own reason before any of it runs, and without harm to others.

use arena_model::{Class, Fault};
use arena_sandbox::{Grants, Limits, LoadError, read_metadata};

use crate::crafted::{CRAFTED, Crafted, METADATA, busywork, module, with_instances, with_metadata};
use crate::stand::{Stand, built};

/// Why these bytes cannot be loaded, with all grants there are.
async fn refused(stand: &Stand, bytes: &[u8]) -> LoadError {
    let granted = Grants { judge: true, embed: true };
    match stand.sandbox.load(CRAFTED, bytes, Limits::compiled(), granted).await {
        Ok(component) => panic!("{component:?} was loaded"),
        Err(error) => {
            assert_eq!(error.class(), Class::Input, "{error:?}");
            error
        }
    }
}

#[tokio::test]
async fn what_is_not_webassembly() {
    let stand = Stand::new(2);
    let elf = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    for bytes in [&b""[..], b"\0", b"\0asm", b"garbage, not a component", &elf[..4096]] {
        let error = refused(&stand, bytes).await;
        assert_eq!(error.reason(), "InvalidWasm");
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
    }
    // A version of the format that nobody knows.
    assert_eq!(refused(&stand, b"\0asm\x0e\x00\x01\x00").await.reason(), "InvalidWasm");
    stand.still_sound().await;
}

#[tokio::test]
async fn what_was_cut_short() {
    let stand = Stand::new(2);
    let whole = built("hostile/retryable");
    for bytes in [9, 100, 1000, whole.len() / 2, whole.len() - 100, whole.len() - 1] {
        let error = refused(&stand, &whole[..bytes]).await;
        assert!(matches!(error.reason(), "InvalidWasm" | "ContractMismatch"), "{bytes}: {error}");
        assert_eq!(error.reason(), "InvalidWasm", "{bytes} of {}: {error}", whole.len());
    }
    // Enough is left to know which check is broken.
    let metadata = read_metadata(&whole[..whole.len() - 1]).unwrap();
    assert_eq!(metadata.checks[0].name, "retryable");
    stand.still_sound().await;
}

#[tokio::test]
async fn what_is_no_component_of_ours() {
    let stand = Stand::new(2);
    assert_eq!(refused(&stand, &module("")).await, LoadError::NotAComponent { name: CRAFTED.to_owned() });
    let error = refused(&stand, &built("hostile/wrong-world")).await;
    assert_eq!(error.reason(), "ContractMismatch");
    assert!(error.to_string().contains("it exports other:tool/greeting@1.0.0"), "{error}");
    for (text, expected) in [
        ("(component)", "it exports nothing"),
        // The right name at another version, and with nothing behind it.
        (r#"(component (instance $i) (export "arena:evaluator/checks@0.2.0" (instance $i)))"#, "checks@0.2.0"),
        (r#"(component (instance $i) (export "arena:evaluator/checks@0.1.0" (instance $i)))"#, "describe"),
    ] {
        let error = refused(&stand, &wat::parse_str(text).unwrap()).await;
        assert_eq!(error.reason(), "ContractMismatch", "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    stand.still_sound().await;
}

#[tokio::test]
async fn what_was_not_granted() {
    let stand = Stand::new(2);
    let error = refused(&stand, &built("hostile/undeclared-import")).await;
    let LoadError::CapabilityDenied { import, .. } = &error else { panic!("{error:?}") };
    assert_eq!(import, "evil:sys/exec");

    let bytes = built("hostile/judge-flood");
    let denied = stand.sandbox.load("judge-flood", &bytes, Limits::compiled(), Grants::default()).await.unwrap_err();
    let LoadError::CapabilityDenied { import, hint, .. } = &denied else { panic!("{denied:?}") };
    assert_eq!(import, "arena:evaluator/judge@0.1.0");
    assert!(hint.contains("grants: [judge]"), "{hint}");
    let (asks, compares) = (Grants { judge: true, embed: false }, Grants { judge: false, embed: true });
    stand.sandbox.load("judge-flood", &bytes, Limits::compiled(), asks).await.unwrap();

    // One grant is not the other.
    let bytes = built("hostile/embed-flood");
    for grants in [Grants::default(), asks] {
        let denied = stand.sandbox.load("embed-flood", &bytes, Limits::compiled(), grants).await.unwrap_err();
        let LoadError::CapabilityDenied { import, hint, .. } = &denied else { panic!("{denied:?}") };
        assert_eq!(import, "arena:evaluator/embed@0.1.0");
        assert!(hint.contains("grants: [embed]"), "{hint}");
    }
    stand.sandbox.load("embed-flood", &bytes, Limits::compiled(), compares).await.unwrap();

    for import in
        ["wasi:sockets/tcp@0.2.0", "wasi:http/types@0.2.0", "wasi:cli/stdout@0.3.0", "arena:evaluator/kv@0.1.0"]
    {
        let text = format!(
            r#"(component (import "{import}" (instance))
                (instance $i) (export "arena:evaluator/checks@0.1.0" (instance $i)))"#
        );
        let error = refused(&stand, &wat::parse_str(text).unwrap()).await;
        assert!(matches!(&error, LoadError::CapabilityDenied { import: found, .. } if found == import), "{error:?}");
    }
    stand.still_sound().await;
}

#[tokio::test]
async fn metadata_that_is_wrong() {
    let stand = Stand::new(2);
    let with = |metadata: &str| {
        let component = Crafted { metadata: None, ..Crafted::default() }.build();
        with_metadata(component, metadata)
    };
    let huge = format!("{METADATA}{}", " ".repeat(1 << 20));
    assert_eq!(refused(&stand, &with(&huge)).await.reason(), "ComponentTooLarge");
    let twice = METADATA.replace(r#""name":"crafted","input""#, r#""name":"crafted","aliases":["crafted"],"input""#);
    for (metadata, expected) in [
        ("", "EOF"),
        ("{}", "missing field"),
        (&METADATA.replace("evaluator", "guardrail"), "it says world `guardrail` but exports evaluator"),
        (r#"{"name":"crafted","version":"1","world":"evaluator"}"#, "it offers no checks"),
        (&METADATA.replace(r#"[{"name":"crafted""#, r#"[{"name":"""#), "a check without a name"),
        (&twice, "it offers `crafted` twice"),
    ] {
        let error = refused(&stand, &with(metadata)).await;
        assert_eq!(error.reason(), "MetadataInvalid", "{metadata}: {error}");
        assert!(error.to_string().contains(expected), "{metadata}: {error}");
    }
    let two = with_metadata(with(METADATA), METADATA);
    assert!(refused(&stand, &two).await.to_string().contains("two sections"));
    stand.still_sound().await;
}

#[tokio::test]
async fn metadata_that_lies() {
    let stand = Stand::new(2);
    let load = async |bytes: &[u8]| stand.sandbox.load(CRAFTED, bytes, Limits::compiled(), Grants::default()).await;
    let liar = load(&built("hostile/lying-metadata")).await.unwrap();
    assert_eq!(liar.metadata().checks[0].name, "lying-metadata", "read without running it");
    let error = stand.sandbox.check_description(&liar).await.unwrap_err();
    assert_eq!(error.reason(), "MetadataInvalid");
    assert!(error.to_string().contains("disagree"), "{error}");
    let honest = load(&built("hostile/retryable")).await.unwrap();
    stand.sandbox.check_description(&honest).await.unwrap();
    stand.still_sound().await;
}

#[tokio::test]
async fn without_a_section_it_is_asked_within_its_limits() {
    let stand = Stand::new(2);
    let asked = |describe: &'static str| Crafted { metadata: None, describe, ..Crafted::default() }.build();
    let limits = Limits { fuel: 1_000_000, ..Limits::compiled() };
    let load = async |bytes: &[u8]| stand.sandbox.load(CRAFTED, bytes, limits, Grants::default()).await;
    assert_eq!(load(&asked("")).await.unwrap().metadata().checks[0].name, CRAFTED);
    for (describe, expected) in [("(loop $again (br $again))", "fuel"), ("unreachable", "unreachable")] {
        let error = load(&asked(describe)).await.unwrap_err();
        assert_eq!(error.reason(), "MetadataInvalid");
        assert!(error.to_string().contains(expected), "{error}");
    }
    stand.still_sound().await;
}

#[tokio::test]
async fn what_would_be_too_much_for_the_compiler() {
    let stand = Stand::new(2);
    let too_large = async |bytes: &[u8], expected: &str, most: u64| match refused(&stand, bytes).await {
        LoadError::ComponentTooLarge { what, found, limit, .. } => {
            assert_eq!((what, found, limit), (expected, most + 1, most));
        }
        other => panic!("{other:?}"),
    };
    too_large(&vec![0; (64 << 20) + 1], "bytes", 64 << 20).await;
    let functions = with_instances(Crafted::default().build(), &busywork(100_001, 0), 0);
    match refused(&stand, &functions).await {
        LoadError::ComponentTooLarge { what: "functions", limit: 100_000, .. } => {}
        other => panic!("{other:?}"),
    }
    let nested =
        |depth: usize| wat::parse_str(format!("{}{}", "(component ".repeat(depth), ")".repeat(depth))).unwrap();
    too_large(&nested(66), "modules", 64).await;
    assert_eq!(refused(&stand, &nested(65)).await.reason(), "ContractMismatch", "as deep as allowed");
    stand.still_sound().await;
}

#[tokio::test]
async fn what_would_be_too_much_for_an_instance() {
    let stand = Stand::new(2);
    for (fields, times, expected) in [
        ("", 200, "core module instances"),
        ("(memory 1)", 8, "linear memories"),
        ("(table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)", 9, "tables"),
        (
            "(table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)",
            1,
            "tables count",
        ),
        ("(memory 16385)", 1, "minimum byte size"),
        ("(table 100001 funcref)", 1, "minimum"),
        ("(memory 1) (memory 1)", 1, "memories count"),
    ] {
        let bytes = with_instances(Crafted::default().build(), &module(fields), times);
        let error = refused(&stand, &bytes).await;
        assert_eq!(error.reason(), "InstanceTooLarge", "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    stand.still_sound().await;
}
