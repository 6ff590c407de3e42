//! The attributes and the derive, seen from an author's crate.

use arena_guest::prelude::*;
use arena_guest::serde_json::{Value, from_str, json};
use arena_guest::testing::{embed_answers, embed_questions, evaluate, judge_answers, judge_questions, reply, validate};

/// Tone of a reply.
#[derive(Deserialize, Params, PartialEq, Debug)]
#[serde(rename_all = "snake_case")]
enum Tone {
    VeryCalm,
    #[serde(rename = "LOUD")]
    Loud,
}

#[derive(Deserialize, Params)]
struct Weight {
    factor: f64,
}

#[derive(Deserialize, Params)]
#[params(validate = Polite::sensible, preflight = Polite::dear)]
struct Polite {
    /// Words that must
    /// not "appear".
    ///
    /// A second paragraph.
    #[serde(alias = "words")]
    banned: Vec<String>,
    #[serde(default)]
    strict: bool,
    #[serde(rename = "maxHits")]
    max_hits: Option<u32>,
    tone: Option<Tone>,
    weight: Option<Weight>,
    extra: Option<Value>,
    limit: i64,
}

impl Polite {
    fn sensible(&self) -> Result<(), String> {
        if self.limit < 0 { Err("parameter `limit`: must not be negative".to_owned()) } else { Ok(()) }
    }

    fn dear(&self) -> Result<(), String> {
        if self.limit > 1000 { Err("parameter `limit`: too much".to_owned()) } else { Ok(()) }
    }
}

/// Checks of
/// manners.
#[evaluator(name = "manners")]
mod checks {
    use super::*;
    use arena_guest::judge::{Question, ask};

    /// Passes when the reply has none of the banned words.
    #[check(name = "polite", aliases = ["courteous", "civil"], input = "conversation")]
    pub fn polite(subject: &Subject, params: Polite) -> Result<Verdict, CheckError> {
        let used = (params.max_hits, params.tone.is_some(), params.weight.map(|weight| weight.factor), params.extra);
        log::debug(format!("{used:?}"));
        let text = subject.reply_text();
        let hit = params.banned.iter().find(|word| text.contains(word.as_str()));
        Ok(hit.map_or_else(|| Verdict::pass("polite"), |word| Verdict::fail(format!("says {word} {}", params.strict))))
    }

    /// Asks.
    #[check(name = "asks", capabilities = ["judge"])]
    fn asks(subject: &Subject) -> Result<Verdict, CheckError> {
        let prompt = subject.reply_text();
        let answer = ask(&Question { judge: None, system: String::new(), prompt, max_tokens: 5 })?;
        Ok(Verdict::observation(answer.text))
    }

    /// Compares.
    #[check(name = "alike", capabilities = ["embed"])]
    fn alike(subject: &Subject) -> Result<Verdict, CheckError> {
        let vectors = embed::embed(Some("e"), &[&subject.reply_text(), "fine"])?;
        Ok(Verdict::score(embed::cosine(&vectors[0], &vectors[1]), "compared"))
    }
}

#[test]
fn metadata() {
    let metadata: Value = from_str(Component::METADATA).unwrap();
    let banned =
        json!({"description": "Words that must not \"appear\".", "type": "array", "items": {"type": "string"}});
    assert_eq!(
        metadata,
        json!({
            "name": "manners", "version": env!("CARGO_PKG_VERSION"), "world": "evaluator",
            "description": "Checks of manners.",
            "checks": [{
                "name": "polite", "aliases": ["courteous", "civil"], "input": "conversation", "capabilities": [],
                "description": "Passes when the reply has none of the banned words.",
                "params": {
                    "type": "object", "additionalProperties": true, "required": ["limit"],
                    "allOf": [{"anyOf": [{"required": ["banned"]}, {"required": ["words"]}]}],
                    "properties": {
                        "banned": banned, "words": banned,
                        "strict": {"type": "boolean"},
                        "maxHits": {"type": "integer", "minimum": 0},
                        "tone": {"enum": ["very_calm", "LOUD"]},
                        "weight": {
                            "type": "object", "properties": {"factor": {"type": "number"}},
                            "required": ["factor"], "additionalProperties": true
                        },
                        "extra": {},
                        "limit": {"type": "integer"},
                    },
                },
            }, {
                "name": "asks", "aliases": [], "description": "Asks.", "input": "reply",
                "params": {"type": "object"}, "capabilities": ["judge"],
            }, {
                "name": "alike", "aliases": [], "description": "Compares.", "input": "reply",
                "params": {"type": "object"}, "capabilities": ["embed"],
            }],
        })
    );
}

#[test]
fn params_are_parsed_and_checked() {
    let good = json!({"words": ["x"], "limit": 1, "tone": "LOUD", "unknown": 1});
    assert_eq!(validate::<Component>("polite", good), Ok(()));
    for (params, want) in [
        (json!({"banned": "x", "limit": 1}), "parameter `banned`: expected a list, found the text \"x\""),
        (json!({"banned": ["x", 2], "limit": 1}), "parameter `banned[1]`: expected text, found the number 2"),
        (json!({"limit": 1}), "missing parameter `banned`"),
        (json!({"banned": [], "limit": -1}), "parameter `limit`: must not be negative"),
        (json!(["x"]), "params must be a JSON object"),
    ] {
        assert_eq!(validate::<Component>("polite", params.clone()).unwrap_err(), want);
        let error = evaluate::<Component>("polite", params, &reply("")).unwrap_err();
        assert!(matches!(error, CheckError::BadParams(text) if text == want));
    }
    let dear = json!({"banned": [], "limit": 1001});
    assert_eq!(validate::<Component>("polite", dear.clone()).unwrap_err(), "parameter `limit`: too much");
    assert!(evaluate::<Component>("polite", dear, &reply("")).is_ok(), "only the check itself may repeat it");
    let error = validate::<Component>("zzz", json!({})).unwrap_err();
    assert_eq!(error, "this component has no check \"zzz\"; it has polite, asks, alike");
}

#[test]
fn checks_run_under_each_of_their_names() {
    for name in ["polite", "courteous", "civil"] {
        let params = json!({"banned": ["darn"], "limit": 1, "strict": true});
        let verdict = evaluate::<Component>(name, params, &reply("darn it")).unwrap();
        assert_eq!((verdict.passed, verdict.reason.as_str()), (Some(false), "says darn true"));
    }
}

#[test]
fn vectors_come_from_a_list() {
    embed_answers([
        Ok(vec![vec![3.0, 4.0], vec![1.0, 0.0]]),
        Err(embed::EmbedError::Failed("down".to_owned())),
        Err(embed::EmbedError::Budget("4".to_owned())),
    ]);
    let alike = || evaluate::<Component>("alike", json!({}), &reply("text"));
    assert!((alike().unwrap().score.unwrap() - 0.6).abs() < 1e-9);
    assert_eq!(embed_questions(), [(Some("e".to_owned()), vec!["text".to_owned(), "fine".to_owned()])]);
    assert!(matches!(alike(), Err(CheckError::Retryable(_))));
    assert!(matches!(alike(), Err(CheckError::Other(_))));
    assert!(matches!(alike(), Err(CheckError::BadParams(_))));
    assert_eq!(embed::cosine(&[0.0], &[1.0]), 0.0);
}

#[test]
fn judges_answer_from_a_list() {
    judge_answers([Ok("fine".to_owned()), Err(judge::JudgeError::Failed("down".to_owned()))]);
    assert_eq!(evaluate::<Component>("asks", json!({}), &reply("text")).unwrap().reason, "fine");
    assert_eq!(judge_questions()[0].prompt, "text");
    let error = evaluate::<Component>("asks", json!({}), &reply("text")).unwrap_err();
    assert!(matches!(error, CheckError::Retryable(_)));
    let error = evaluate::<Component>("asks", json!({}), &reply("text")).unwrap_err();
    assert!(matches!(error, CheckError::BadParams(_)));
}

mod single {
    use super::*;

    /// One check, one component.
    #[evaluator(name = "non-empty", input = "reply")]
    fn non_empty(subject: &Subject) -> Result<Verdict, CheckError> {
        Ok(if subject.reply_text().is_empty() { Verdict::fail("empty") } else { Verdict::pass("not empty") })
    }

    #[test]
    fn a_function_is_a_component() {
        let metadata: Value = from_str(Component::METADATA).unwrap();
        assert_eq!(metadata["name"], "non-empty");
        assert_eq!(metadata["checks"][0]["name"], "non-empty");
        assert_eq!(metadata["description"], "One check, one component.");
        assert_eq!(evaluate::<Component>("non-empty", json!({}), &reply("")).unwrap().passed, Some(false));
    }
}

mod engine {
    use super::*;

    /// Shouts.
    #[template_engine(name = "shout")]
    mod shout {
        use arena_guest::TemplateError;
        use arena_guest::serde_json::{Map, Value};

        pub fn variables(_: &str) -> Result<Vec<String>, TemplateError> {
            Ok(vec!["a".to_owned()])
        }

        pub fn render(template: &str, variables: &Map<String, Value>) -> Result<String, TemplateError> {
            Ok(format!("{}{}", template.to_uppercase(), variables.len()))
        }
    }

    #[test]
    fn a_module_is_a_template_engine() {
        use arena_guest::TemplateEngine;
        let metadata: Value = from_str(Component::METADATA).unwrap();
        assert_eq!((&metadata["name"], &metadata["world"]), (&json!("shout"), &json!("template")));
        assert_eq!(Component::render("hi", &Default::default()).unwrap(), "HI0");
        assert_eq!(Component::variables("").unwrap(), ["a"]);
    }
}
