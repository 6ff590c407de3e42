//! Each check through the component's own dispatch: pass, fail, error, wrong type of parameter.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use arena_evaluator_text::Component;
use arena_guest::embed::EmbedError;
use arena_guest::serde_json::{Value, json};
use arena_guest::testing::{Conversation, embed_answers, embed_questions, evaluate, reply, validate};
use arena_guest::{CheckError, Evaluator as _, Subject, Verdict};

const REPLY: &str = "The capital of France is Paris. Ask for a REFUND.";

fn judge(check: &str, params: Value, text: &str) -> Verdict {
    evaluate::<Component>(check, params, &reply(text)).unwrap()
}

fn cited(verdict: &Verdict, text: &str) -> Vec<String> {
    verdict.evidence.iter().map(|span| text[span.start as usize..span.end as usize].to_owned()).collect()
}

#[test]
fn golden() {
    for (check, params, text, score) in [
        ("contains", json!({"patterns": ["paris", "refund"]}), REPLY, 1.0),
        ("content_includes", json!({"patterns": ["paris", "zzz"]}), REPLY, 0.5),
        ("contains", json!({"patterns": ["paris"], "case_sensitive": true}), REPLY, 0.0),
        ("contains", json!({"patterns": ["a"]}), "", 0.0),
        ("contains_any", json!({"patterns": ["zzz", "Paris"]}), REPLY, 1.0),
        ("content_includes_any", json!({"patterns": ["zzz"]}), REPLY, 0.0),
        ("content_excludes", json!({"patterns": ["zzz"]}), REPLY, 1.0),
        ("content_not_includes", json!({"patterns": ["pari"]}), REPLY, 0.0),
        ("content_excludes", json!({"words": ["pari"], "match_mode": "word_boundary"}), REPLY, 1.0),
        ("content_excludes", json!({"patterns": []}), REPLY, 1.0),
        ("banned_words", json!({"words": ["pari"]}), REPLY, 1.0),
        ("banned_words", json!({"patterns": ["paris"]}), REPLY, 0.0),
        ("banned_words", json!({"words": ["pari"], "match_mode": "substring"}), REPLY, 0.0),
        ("equals", json!({"expected": "42"}), " 42\n", 1.0),
        ("equals", json!({"expected": "42", "trim": false}), " 42\n", 0.0),
        ("equals", json!({"expected": "YES"}), "yes", 0.0),
        ("equals", json!({"expected": "YES", "case_sensitive": false}), "yes", 1.0),
        ("regex", json!({"pattern": "(?i)capital.*paris"}), REPLY, 1.0),
        ("content_matches", json!({"pattern": "capital.*paris"}), REPLY, 0.0),
        ("regex", json!({"pattern": "zzz", "expect_match": false}), REPLY, 1.0),
        ("regex", json!({"pattern": "Paris", "expect_match": false}), REPLY, 0.0),
        ("min_length", json!({"min": 2}), "é", 1.0),
        ("min_length", json!({"min_characters": 4}), "é", 0.5),
        ("min_length", json!({"min_chars": -1}), "", 1.0),
        ("min_length", json!({}), "", 1.0),
        ("max_length", json!({"max": 2}), "é", 1.0),
        ("max_length", json!({"max_characters": 10}), &"x".repeat(631), 10.0 / 631.0),
        ("length", json!({"max_chars": 100}), "", 1.0),
        ("max_length", json!({"max": 100, "max_tokens": 2}), "sixteen letters.", 0.5),
        ("max_length", json!({"max_tokens": 2}), "eleven let.", 1.0),
        ("sentence_count", json!({"max": 2}), REPLY, 1.0),
        ("max_sentences", json!({"max_sentences": 1}), REPLY, 0.5),
        ("sentence_count", json!({"max": 1}), "", 1.0),
        ("field_presence", json!({"fields": ["capital", "FRANCE"]}), REPLY, 1.0),
        ("required_fields", json!({"fields": ["capital", "zip"]}), REPLY, 0.5),
        ("field_presence", json!({"fields": ["zip"]}), "", 0.0),
    ] {
        let verdict = judge(check, params.clone(), text);
        assert_eq!(verdict.score, Some(score), "{check} {params}: {}", verdict.reason);
        assert_eq!(verdict.passed, Some(score == 1.0), "{check} {params}");
    }
}

#[test]
fn params_that_do_not_suit_are_errors_before_and_during() {
    for (check, params, want) in [
        ("contains", json!({"patterns": "you"}), "parameter `patterns`: expected a list"),
        ("contains", json!({"patterns": []}), "at least one text"),
        ("contains", json!({"values": ["x"]}), "missing parameter `patterns`"),
        ("contains", json!({"patterns": ["a", ""]}), "pattern 1 is empty"),
        ("contains_any", json!({"patterns": []}), "at least one text"),
        ("contains_any", json!({"patterns": "x"}), "expected a list"),
        ("content_excludes", json!({}), "missing parameter `patterns`"),
        ("content_excludes", json!({"patterns": ["x"], "match_mode": "zzz"}), "unknown value"),
        ("banned_words", json!({"words": "x"}), "parameter `words`: expected a list"),
        ("equals", json!({"expected": 42}), "parameter `expected`: expected text"),
        ("regex", json!({"pattern": ""}), "give a regular expression"),
        ("regex", json!({"pattern": 1}), "expected text"),
        ("regex", json!({"regex": "a"}), "missing parameter `pattern`"),
        ("regex", json!({"pattern": "((a)"}), "unclosed group"),
        ("regex", json!({"pattern": "(?=a)"}), "look-around"),
        ("regex", json!({"pattern": r"\pL{1000}{1000}"}), "make it simpler"),
        ("min_length", json!({"min": "100"}), "parameter `min`: expected a whole number"),
        ("max_length", json!({"max_characters": "3000"}), "expected a whole number of 0 or more, found the text"),
        ("max_length", json!({"max": 0}), "must be above zero"),
        ("max_length", json!({"max": 1, "max_tokens": 0}), "must be above zero"),
        ("max_length", json!({"max": -1}), "found the number -1"),
        ("max_length", json!({}), "`max_tokens`"),
        ("sentence_count", json!({}), "missing parameter `max`"),
        ("sentence_count", json!({"max": 0}), "must be above zero"),
        ("max_sentences", json!({"max": "3"}), "parameter `max`: expected a whole number"),
        ("field_presence", json!({"fields": "name"}), "parameter `fields`: expected a list"),
        ("field_presence", json!({"fields": []}), "parameter `fields`: give at least one text"),
        ("required_fields", json!({"fields": [""]}), "pattern 0 is empty"),
        ("cosine_similarity", json!({"min_similarity": 0.5}), "missing parameter `reference`"),
        ("cosine_similarity", json!({"reference": [], "min_similarity": 0.5}), "a number other than 0"),
        ("cosine_similarity", json!({"reference": [0, 0.0], "min_similarity": 0.5}), "a number other than 0"),
        ("cosine_similarity", json!({"reference": " ", "min_similarity": 0.5}), "a text that says something"),
        ("cosine_similarity", json!({"reference": true, "min_similarity": 0.5}), "a text or a list of numbers"),
        ("cosine_similarity", json!({"reference": [1, 2]}), "missing parameter `min_similarity`"),
        ("cosine_similarity", json!({"reference": [1], "min_similarity": 1.5}), "expected a number from -1 to 1"),
        ("zzz", json!({}), "no check"),
    ] {
        let error = validate::<Component>(check, params.clone()).unwrap_err();
        assert!(error.contains(want), "{check} {params}: {error}");
        let error = evaluate::<Component>(check, params, &reply(REPLY)).unwrap_err();
        assert!(matches!(error, CheckError::BadParams(_)) || check == "zzz");
    }
}

#[test]
fn reasons_and_evidence() {
    let text = "İ: Refund, refund.";
    let verdict = judge("contains", json!({"patterns": ["REFUND", "voucher"]}), text);
    assert_eq!(verdict.reason, "1 of 2 patterns found; missing: \"voucher\"");
    assert_eq!((cited(&verdict, text), verdict.evidence[0].message), (vec!["Refund".to_owned()], 1));

    let verdict = judge("regex", json!({"pattern": r"r\w+d"}), text);
    assert_eq!(cited(&verdict, text), ["refund"]);
    assert_eq!(verdict.reason, "the reply matches \"r\\\\w+d\"");

    let verdict = judge("max_length", json!({"max": 4}), "éé€");
    assert_eq!(cited(&verdict, "éé€"), ["€"]);
    assert_eq!(verdict.reason, "7 bytes, at most 4 wanted");
    let verdict = judge("max_length", json!({"max": 6}), "éé€");
    assert_eq!(cited(&verdict, "éé€"), ["€"], "a cut inside a character takes all of it");

    let verdict = judge("equals", json!({"expected": "b"}), "  a ");
    assert_eq!(cited(&verdict, "  a "), ["a"]);

    let verdict = judge("sentence_count", json!({"max": 1}), "It is $79.99. Fine? Yes!");
    assert_eq!(cited(&verdict, "It is $79.99. Fine? Yes!"), ["Fine? Yes!"]);
    assert_eq!(verdict.reason, "3 sentences, at most 1 wanted");

    let verdict = judge("field_presence", json!({"fields": ["REFUND", "zip"]}), text);
    assert_eq!(verdict.reason, "1 of 2 fields found; missing: \"zip\"");
    assert_eq!(cited(&verdict, text), ["Refund"]);
}

#[test]
fn similarity_is_the_cosine_of_embeddings() {
    let judge = |reference: Value, embedding: Option<Value>| {
        let conversation = Conversation::new().user("?").assistant("!");
        let conversation = match embedding {
            Some(embedding) => conversation.with_fact("embedding", embedding),
            None => conversation,
        };
        let params = json!({"reference": reference, "min_similarity": 0.6});
        evaluate::<Component>("cosine_similarity", params, &Subject::test(conversation))
    };
    for (reference, embedding, score, passed) in [
        (json!([3, 4]), [6.0, 8.0], 1.0, true),
        (json!([1, 0]), [3.0, 4.0], 0.6, true),
        (json!([0, 1]), [1.0, 0.0], 0.0, false),
        (json!([1, 0]), [-1.0, 0.0], 0.0, false),
        (json!([1, 1]), [0.0, 0.0], 0.0, false),
    ] {
        // One that is given, and one that is asked for.
        embed_answers([Ok(vec![embedding.to_vec()])]);
        for given in [Some(json!(embedding)), None] {
            let verdict = judge(reference.clone(), given).unwrap();
            assert!((verdict.score.unwrap() - score).abs() < 1e-6, "{reference}: {verdict:?}");
            assert_eq!(verdict.passed, Some(passed), "{reference}");
        }
        assert_eq!(embed_questions(), [(None, vec!["!".to_owned()])]);
    }
    let metrics = judge(json!([1, 0]), Some(json!([-2, 0]))).unwrap().metrics;
    assert_eq!((metrics[0].name.as_str(), metrics[0].value), ("cosine", -1.0));
    for embedding in [json!(null), json!("text"), json!([1]), json!([1, "2"])] {
        let error = judge(json!([1, 0]), Some(embedding.clone())).unwrap_err();
        assert!(matches!(error, CheckError::Other(_)), "{embedding:?}: {error:?}");
    }
    embed_answers([Ok(vec![vec![1.0]]), Ok(vec![]), Err(EmbedError::Failed("down".to_owned()))]);
    assert!(matches!(judge(json!([1, 0]), None), Err(CheckError::Other(_))), "another length");
    assert!(matches!(judge(json!([1, 0]), None), Err(CheckError::Other(_))), "no vector at all");
    assert!(matches!(judge(json!([1, 0]), None), Err(CheckError::Retryable(_))));
    assert!(matches!(judge(json!([1, 0]), None), Err(CheckError::BadParams(_))), "nobody to ask");
}

#[test]
fn similarity_to_a_text_asks_for_both_at_once() {
    let judge = |reply: &str| {
        let params = json!({"reference": "the parcel is late", "min_similarity": 0.5, "embedder": "e"});
        evaluate::<Component>("cosine_similarity", params, &arena_guest::testing::reply(reply))
    };
    embed_answers([Ok(vec![vec![1.0, 0.0], vec![1.0, 1.0]]), Ok(vec![vec![1.0, 0.0], vec![0.0, 1.0]])]);
    assert_eq!(judge("it will come later").unwrap().passed, Some(true));
    assert_eq!(judge("the weather is fine").unwrap().passed, Some(false));
    let (embedder, texts) = embed_questions().remove(0);
    assert_eq!(
        (embedder.as_deref(), texts),
        (Some("e"), vec!["it will come later".to_owned(), "the parcel is late".to_owned()])
    );
    // Nothing is asked of what says nothing.
    let empty = judge(" ").unwrap();
    assert_eq!((empty.passed, empty.score, embed_questions().len()), (Some(false), Some(0.0), 2));
}

#[test]
fn ascii_and_other_texts_match_alike() {
    for (pattern, ascii, other) in [
        ("(?i)KELVIN|[^a-z ]", "kelvin", "\u{212a}elvin"),
        ("^.{3}$", "abc", "äbc"),
        (r"\bb\b", "a b", "ä b"),
        (r"^\p{Greek}$|^\w$", "a", "α"),
        (r"^\x{3B1}?$", "", "α"),
        ("x*", "", "ä"),
    ] {
        for text in [ascii, other] {
            let verdict = judge("regex", json!({"pattern": pattern}), text);
            assert_eq!(verdict.passed, Some(true), "{pattern} on {text}");
        }
    }
}

#[test]
fn some_look_at_every_reply_and_some_at_the_last() {
    let conversation = || Conversation::new().user("hell?").assistant("hell").user("?").assistant("fine");
    let judge = |check, params| evaluate::<Component>(check, params, &Subject::test(conversation())).unwrap();
    assert_eq!(judge("contains", json!({"patterns": ["hell"]})).passed, Some(false));
    let verdict = judge("contains_any", json!({"patterns": ["hell"]}));
    assert_eq!((verdict.passed, verdict.evidence[0].message), (Some(true), 1));
    let verdict = judge("banned_words", json!({"words": ["hell", "fine"]}));
    assert_eq!(verdict.reason, "forbidden text found: \"hell\", \"fine\"");
    assert_eq!(verdict.evidence.iter().map(|span| span.message).collect::<Vec<_>>(), [1, 3]);
    let nothing = Subject::test(Conversation::new());
    let verdict = evaluate::<Component>("min_length", json!({"min": 1}), &nothing).unwrap();
    assert_eq!(verdict.score, Some(0.0));
}

#[test]
fn what_is_shown_is_bounded() {
    let patterns: Vec<_> = (0..50).map(|n| format!("{n}-{}", "x".repeat(5000))).collect();
    let verdict = judge("contains", json!({"patterns": patterns}), "none");
    assert!(verdict.reason.len() < 2500 && verdict.reason.ends_with("and 30 more"), "{}", verdict.reason);
    let words: Vec<_> = (0..50).map(|n| format!("w{n}")).collect();
    let verdict = judge("contains", json!({"patterns": words}), &words.join(" "));
    assert_eq!((verdict.evidence.len(), verdict.passed), (20, Some(true)));
    let verdict = judge("content_excludes", json!({"patterns": words}), &words.join(" "));
    assert_eq!((verdict.evidence.len(), verdict.passed), (20, Some(false)));
}

#[test]
fn metadata_names_every_check() {
    let metadata: Value = arena_guest::serde_json::from_str(Component::METADATA).unwrap();
    let names: Vec<_> = metadata["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
    let want = [
        "contains",
        "contains_any",
        "content_excludes",
        "banned_words",
        "equals",
        "regex",
        "min_length",
        "max_length",
        "sentence_count",
        "field_presence",
        "cosine_similarity",
    ];
    assert_eq!(json!(names), json!(want));
    assert_eq!(metadata["checks"][7]["aliases"], json!(["length"]));
    assert_eq!(
        metadata["checks"][2]["params"]["properties"]["match_mode"]["enum"],
        json!(["substring", "word_boundary"])
    );
}

#[test]
fn every_check_is_seen_to_pass_fail_err_and_refuse() {
    golden();
    params_that_do_not_suit_are_errors_before_and_during();
    reasons_and_evidence();
    similarity_is_the_cosine_of_embeddings();
    similarity_to_a_text_asks_for_both_at_once();
    ascii_and_other_texts_match_alike();
    some_look_at_every_reply_and_some_at_the_last();
    what_is_shown_is_bounded();
    assert_eq!(arena_guest::testing::lacking::<Component>(), Vec::<String>::new());
}
