//! Each check through the component's own dispatch: pass, fail, error, wrong type of parameter.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use arena_evaluator_media::Component;
use arena_guest::serde_json::{Value, json};
use arena_guest::testing::{Conversation, evaluate, reply, validate};
use arena_guest::{CheckError, Evaluator as _, Subject, Verdict};

const ALL: [&str; 6] =
    ["image_format", "audio_format", "image_dimensions", "audio_duration", "video_duration", "video_resolution"];

/// Params that suit the check.
fn some(check: &str) -> Value {
    match check {
        "image_format" | "audio_format" => json!({"formats": ["png"]}),
        "image_dimensions" | "video_resolution" => json!({"max_height": 1000}),
        _ => json!({"max_seconds": 60}),
    }
}

/// An image in a reply, audio and a video from a tool; the user's own do not count.
fn talk() -> Subject<'static> {
    let conversation = Conversation::new()
        .user("look")
        .part("image", Some("image/gif"), json!({"width": 1, "height": 1}))
        .assistant("here")
        .part("image", Some("image/png"), json!({"width": 640, "height": 480, "url": "https://x.org/a.png"}))
        .tool("made")
        .part("audio", Some("audio/mpeg"), json!({"duration_ms": 1500}))
        .part("video", Some("video/mp4"), json!({"width": 1280, "height": 720, "duration": 90}))
        .assistant("done");
    Subject::test(conversation)
}

fn judge(check: &str, params: Value) -> Verdict {
    evaluate::<Component>(check, params, &talk()).unwrap()
}

#[test]
fn golden() {
    for (check, params, passed) in [
        ("image_format", json!({"formats": ["jpeg", "PNG"]}), true),
        ("image_format", json!({"formats": ["gif"]}), false),
        ("audio_format", json!({"formats": ["mp3"]}), true),
        ("audio_format", json!({"formats": ["audio/mpeg"]}), true),
        ("audio_format", json!({"formats": ["wav"]}), false),
        ("image_dimensions", json!({"width": 640, "height": 480}), true),
        ("image_dimensions", json!({"width": 641}), false),
        ("image_dimensions", json!({"height": 479}), false),
        ("image_dimensions", json!({"min_width": 640, "max_width": 640, "min_height": 480, "max_height": 480}), true),
        ("image_dimensions", json!({"min_width": 641}), false),
        ("image_dimensions", json!({"max_width": 639}), false),
        ("image_dimensions", json!({"min_height": 481}), false),
        ("image_dimensions", json!({"max_height": 479}), false),
        ("audio_duration", json!({"min_seconds": 1.5, "max_seconds": 1.5}), true),
        ("audio_duration", json!({"min_seconds": 1.51}), false),
        ("audio_duration", json!({"max_seconds": 1.49}), false),
        ("video_duration", json!({"min_seconds": 90, "max_seconds": 90}), true),
        ("video_duration", json!({"max_seconds": 89.9}), false),
        ("video_resolution", json!({"presets": ["1080p", "HD"]}), true),
        ("video_resolution", json!({"presets": ["sd", "4k"]}), false),
        ("video_resolution", json!({"min_width": 1280, "max_height": 720}), true),
        ("video_resolution", json!({"presets": ["720p"], "max_width": 1279}), false),
        ("video_resolution", json!({"min_height": 721}), false),
    ] {
        let verdict = judge(check, params.clone());
        assert_eq!(verdict.passed, Some(passed), "{check} {params}: {}", verdict.reason);
        assert_eq!(verdict.score, Some(if passed { 1.0 } else { 0.0 }));
    }
}

#[test]
fn reasons_name_the_place_and_the_figures() {
    let verdict = judge("image_dimensions", json!({"width": 100, "max_height": 400}));
    let want = "1 of 1 image parts are not as asked for: the image in message 1: width 640 is not 100, height 480 is above 400";
    assert_eq!(verdict.reason, want);
    let verdict = judge("audio_format", json!({"formats": ["wav"]}));
    assert!(verdict.reason.ends_with("the audio in message 2: its format is \"mp3\""), "{}", verdict.reason);
    assert_eq!(judge("audio_format", json!({"formats": ["mp3"]})).reason, "all is as asked for; audio parts: 1");

    let mut many = Conversation::new().assistant("look");
    for width in 0..25 {
        many = many.part("image", Some("image/png"), json!({"width": width}));
    }
    let verdict =
        evaluate::<Component>("image_dimensions", json!({"min_width": 5}), &Subject::test(many.clone())).unwrap();
    assert!(verdict.reason.starts_with("5 of 25 image parts"), "{}", verdict.reason);
    let verdict = evaluate::<Component>("image_dimensions", json!({"min_width": 25}), &Subject::test(many)).unwrap();
    assert!(verdict.reason.ends_with("; and 15 more"), "{}", verdict.reason);
}

#[test]
fn no_part_at_all_fails_and_says_so() {
    let only_the_users = Conversation::new().user("look").part("image", Some("image/png"), json!({"width": 2}));
    for subject in [reply("text"), Subject::test(only_the_users)] {
        for check in ALL {
            let verdict = evaluate::<Component>(check, some(check), &subject).unwrap();
            assert_eq!((verdict.score, verdict.passed), (Some(0.0), Some(false)), "{check}");
            assert!(verdict.reason.starts_with("the assistant and its tools gave no "), "{}", verdict.reason);
        }
    }
}

#[test]
fn what_is_not_known_is_an_error() {
    for (check, kind, info, want) in [
        ("image_format", "image", json!({}), "MIME type"),
        ("audio_format", "audio", json!({}), "MIME type"),
        ("image_dimensions", "image", json!({"width": 5}), "height"),
        ("image_dimensions", "image", json!({"height": "480"}), "height"),
        ("image_dimensions", "image", json!([1]), "height"),
        ("audio_duration", "audio", json!({"size": 5}), "duration"),
        ("audio_duration", "audio", json!({"duration_ms": -1}), "duration"),
        ("video_duration", "video", json!({"duration": null}), "duration"),
        ("video_resolution", "video", json!({"width": 5}), "height"),
    ] {
        let subject = Subject::test(Conversation::new().assistant("look").part(kind, None, info));
        let error = evaluate::<Component>(check, some(check), &subject).unwrap_err();
        let want = format!("the {kind} in message 0: its {want} is not known");
        assert!(matches!(&error, CheckError::Other(text) if *text == want), "{check}: {error:?}");
    }
    let subject = Subject::test(Conversation::new().assistant("look").part("video", None, json!({"width": 5})));
    let error = evaluate::<Component>("video_resolution", json!({"presets": ["hd"]}), &subject).unwrap_err();
    assert!(matches!(error, CheckError::Other(_)));
    // What is not asked about need not be known.
    assert!(evaluate::<Component>("video_resolution", json!({"min_width": 5}), &subject).is_ok());
}

#[test]
fn params_that_do_not_suit_are_errors_before_and_during() {
    for (check, params, want) in [
        ("image_format", json!({}), "missing parameter `formats`"),
        ("image_format", json!({"formats": "png"}), "parameter `formats`: expected a list"),
        ("audio_format", json!({"formats": []}), "at least one format"),
        ("audio_format", json!({"formats": ["mp3", " "]}), "entry 1 is empty"),
        ("audio_format", json!({"formats": [1]}), "parameter `formats[0]`: expected text"),
        ("image_dimensions", json!({}), "give a limit"),
        ("image_dimensions", json!({"width": "640"}), "parameter `width`: expected a whole number of 0 or more"),
        ("image_dimensions", json!({"min_width": -1}), "found the number -1"),
        ("image_dimensions", json!({"min_width": 2, "max_width": 1}), "limits on the width contradict"),
        ("image_dimensions", json!({"height": 2, "max_height": 1}), "limits on the height contradict"),
        ("image_dimensions", json!({"height": 2, "min_height": 3}), "limits on the height contradict"),
        ("audio_duration", json!({}), "give `min_seconds` or `max_seconds`"),
        ("audio_duration", json!({"min_seconds": "1"}), "parameter `min_seconds`: expected a number"),
        ("video_duration", json!({"max_seconds": []}), "parameter `max_seconds`: expected a number"),
        ("video_duration", json!({"max_seconds": -0.5}), "below zero"),
        ("video_duration", json!({"min_seconds": 2, "max_seconds": 1.5}), "no duration is within both"),
        ("video_resolution", json!({}), "give `presets`, or a limit"),
        ("video_resolution", json!({"presets": "hd"}), "parameter `presets`: expected a list"),
        ("video_resolution", json!({"presets": ["hd", "900p"]}), "\"900p\" is none of 480p, sd, 720p"),
        ("video_resolution", json!({"min_height": 2, "max_height": 1}), "limits on the height contradict"),
        ("zzz", json!({}), "no check"),
    ] {
        let error = validate::<Component>(check, params.clone()).unwrap_err();
        assert!(error.contains(want), "{check} {params}: {error}");
        let error = evaluate::<Component>(check, params, &talk()).unwrap_err();
        assert!(matches!(error, CheckError::BadParams(_)) || check == "zzz");
    }
}

#[test]
fn metadata_names_every_check() {
    let metadata: Value = arena_guest::serde_json::from_str(Component::METADATA).unwrap();
    let checks = metadata["checks"].as_array().unwrap();
    assert_eq!(checks.iter().map(|check| check["name"].as_str().unwrap()).collect::<Vec<_>>(), ALL);
    assert!(checks.iter().all(|check| check["capabilities"] == json!([])));
}

#[test]
fn every_check_is_seen_to_pass_fail_err_and_refuse() {
    golden();
    reasons_name_the_place_and_the_figures();
    no_part_at_all_fails_and_says_so();
    what_is_not_known_is_an_error();
    params_that_do_not_suit_are_errors_before_and_during();
    assert_eq!(arena_guest::testing::lacking::<Component>(), Vec::<String>::new());
}
