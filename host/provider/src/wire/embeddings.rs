//! How texts are sent to models that make embeddings, and how their vectors are read.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{NoReply, VendorFailure, bytes_of, put};
use crate::embed::EMBED_TEXTS;
use crate::settings::ProviderSettings;

/// A vendor's form of requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmbedForm {
    /// `embeddings`, as OpenAI has it.
    OpenAi,
    /// `:batchEmbedContents`.
    Gemini,
    /// `:predict` of Vertex AI.
    Predict,
    /// `api/embed`.
    Ollama,
    /// `invoke` of Amazon's own models on Bedrock.
    Titan,
    /// `invoke` of Cohere's models on Bedrock.
    Cohere,
}

/// The form for one model.
#[derive(Debug)]
pub(crate) struct Embeddings {
    form: EmbedForm,
    model: String,
    /// Numbers of a vector, where the settings say it.
    dimensions: Option<u64>,
    /// What the vectors are for, in the vendor's words.
    purpose: Option<String>,
    keep_alive: Option<Value>,
}

/// Vectors and tokens of one answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Embedded {
    pub(crate) vectors: Vec<Vec<f32>>,
    pub(crate) tokens: Option<u64>,
}

impl Embeddings {
    pub(crate) fn new(form: EmbedForm, settings: &ProviderSettings) -> Self {
        let extra = &settings.additional_config;
        let purpose = match form {
            EmbedForm::Gemini | EmbedForm::Predict => Some(("task_type", "SEMANTIC_SIMILARITY")),
            EmbedForm::Cohere => Some(("input_type", "search_document")),
            _ => None,
        };
        Self {
            form,
            model: settings.model.clone(),
            dimensions: extra.get("dimensions").and_then(Value::as_u64),
            purpose: purpose.map(|(key, usual)| extra.get(key).and_then(Value::as_str).unwrap_or(usual).to_owned()),
            keep_alive: extra.get("keep_alive").cloned(),
        }
    }

    /// Most texts of one request.
    pub(crate) fn most(&self) -> usize {
        match self.form {
            EmbedForm::Titan => 1,
            // Models of this family take one text a request on Vertex AI.
            EmbedForm::Predict if self.model.starts_with("gemini") => 1,
            _ => EMBED_TEXTS,
        }
    }

    /// The body of a request.
    pub(crate) fn body(&self, texts: &[&str]) -> Bytes {
        let mut body = Map::new();
        let (size, purpose) = (self.dimensions, self.purpose.clone());
        match self.form {
            EmbedForm::OpenAi => {
                body.extend(fields(json!({"model": self.model, "input": texts, "encoding_format": "float"})));
                put(&mut body, "dimensions", size);
            }
            EmbedForm::Ollama => {
                body.extend(fields(json!({"model": self.model, "input": texts})));
                put(&mut body, "dimensions", size);
                put(&mut body, "keep_alive", self.keep_alive.clone());
            }
            EmbedForm::Gemini => {
                let model = format!("models/{}", self.model.trim_start_matches("models/"));
                let request = |text: &&str| {
                    let mut request = fields(json!({"model": model, "content": {"parts": [{"text": text}]}}));
                    put(&mut request, "taskType", purpose.clone());
                    put(&mut request, "outputDimensionality", size);
                    Value::Object(request)
                };
                body.insert("requests".to_owned(), texts.iter().map(request).collect());
            }
            EmbedForm::Predict => {
                let instance = |text: &&str| {
                    let mut instance = fields(json!({"content": text}));
                    put(&mut instance, "task_type", purpose.clone());
                    Value::Object(instance)
                };
                body.insert("instances".to_owned(), texts.iter().map(instance).collect());
                put(&mut body, "parameters", size.map(|size| json!({"outputDimensionality": size})));
            }
            EmbedForm::Titan => {
                put(&mut body, "inputText", texts.first().copied());
                put(&mut body, "dimensions", size);
            }
            EmbedForm::Cohere => {
                body.extend(fields(json!({"texts": texts})));
                put(&mut body, "input_type", purpose);
                put(&mut body, "output_dimension", size);
            }
        }
        bytes_of(&body)
    }

    /// Reads an answer.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Embedded, NoReply> {
        match self.form {
            EmbedForm::OpenAi => parsed::<OpenAi>(body)?.embedded(),
            EmbedForm::Ollama => {
                let Ollama { embeddings, prompt_eval_count } = parsed(body)?;
                Ok(Embedded { vectors: embeddings, tokens: prompt_eval_count })
            }
            EmbedForm::Gemini => {
                let Gemini { embeddings, usage } = parsed(body)?;
                let vectors = embeddings.into_iter().map(|it| it.values).collect();
                Ok(Embedded { vectors, tokens: usage.and_then(|usage| usage.prompt_token_count) })
            }
            EmbedForm::Predict => {
                let Predict { predictions } = parsed(body)?;
                let counted = predictions.iter().map(|it| it.embeddings.statistics.as_ref()?.token_count);
                let tokens = counted.sum::<Option<f64>>().map(|tokens| tokens as u64);
                Ok(Embedded { vectors: predictions.into_iter().map(|it| it.embeddings.values).collect(), tokens })
            }
            EmbedForm::Titan => {
                let Titan { embedding, tokens } = parsed(body)?;
                Ok(Embedded { vectors: vec![embedding], tokens })
            }
            EmbedForm::Cohere => {
                let Cohere { embeddings } = parsed(body)?;
                let (CohereVectors::Plain(vectors) | CohereVectors::Typed { float: vectors }) = embeddings;
                // Bedrock counts them in a header of its own only.
                Ok(Embedded { vectors, tokens: None })
            }
        }
    }
}

fn fields(value: Value) -> Map<String, Value> {
    if let Value::Object(fields) = value { fields } else { Map::new() }
}

/// The answer in its form, or the error that the vendor reports in its place.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, NoReply> {
    serde_json::from_slice(body).map_err(|error| match VendorFailure::read(body) {
        Some(failure) => NoReply::Error(failure),
        None => NoReply::Bad(format!("these are no embeddings: {error}")),
    })
}

#[derive(Deserialize)]
struct OpenAi {
    data: Vec<Entry>,
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Entry {
    index: Option<usize>,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Tokens {
    prompt_tokens: Option<u64>,
    total_tokens: Option<u64>,
}

impl OpenAi {
    fn embedded(mut self) -> Result<Embedded, NoReply> {
        self.data.sort_by_key(|entry| entry.index);
        let in_order = |(at, entry): (usize, &Entry)| entry.index.is_none_or(|index| index == at);
        if !self.data.iter().enumerate().all(in_order) {
            return Err(NoReply::Bad("its vectors do not name each text once".to_owned()));
        }
        let tokens = self.usage.and_then(|usage| usage.prompt_tokens.or(usage.total_tokens));
        Ok(Embedded { vectors: self.data.into_iter().map(|entry| entry.embedding).collect(), tokens })
    }
}

#[derive(Deserialize)]
struct Ollama {
    embeddings: Vec<Vec<f32>>,
    prompt_eval_count: Option<u64>,
}

#[derive(Deserialize)]
struct Gemini {
    embeddings: Vec<Values>,
    #[serde(rename = "usageMetadata")]
    usage: Option<GeminiTokens>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeminiTokens {
    prompt_token_count: Option<u64>,
}

#[derive(Deserialize)]
struct Values {
    values: Vec<f32>,
    statistics: Option<Statistics>,
}

#[derive(Deserialize)]
struct Statistics {
    /// Google writes it as a number with a point.
    token_count: Option<f64>,
}

#[derive(Deserialize)]
struct Predict {
    predictions: Vec<Prediction>,
}

#[derive(Deserialize)]
struct Prediction {
    embeddings: Values,
}

#[derive(Deserialize)]
struct Titan {
    embedding: Vec<f32>,
    #[serde(rename = "inputTextTokenCount")]
    tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Cohere {
    embeddings: CohereVectors,
}

/// Older models answer with the vectors alone, newer ones by their type.
#[derive(Deserialize)]
#[serde(untagged)]
enum CohereVectors {
    Plain(Vec<Vec<f32>>),
    Typed { float: Vec<Vec<f32>> },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(form: EmbedForm, model: &str, extra: Value) -> Embeddings {
        let mut settings = ProviderSettings::new("p", "openai", model);
        settings.additional_config = extra;
        Embeddings::new(form, &settings)
    }

    #[test]
    fn requests_are_as_each_vendor_has_them() {
        let sized = json!({"dimensions": 4});
        for (form, expected) in [
            (EmbedForm::OpenAi, json!({"model": "m", "input": ["a"], "encoding_format": "float", "dimensions": 4})),
            (EmbedForm::Ollama, json!({"model": "m", "input": ["a"], "dimensions": 4})),
            (
                EmbedForm::Gemini,
                json!({"requests": [{"model": "models/m", "content": {"parts": [{"text": "a"}]},
                    "taskType": "SEMANTIC_SIMILARITY", "outputDimensionality": 4}]}),
            ),
            (
                EmbedForm::Predict,
                json!({"instances": [{"content": "a", "task_type": "SEMANTIC_SIMILARITY"}],
                    "parameters": {"outputDimensionality": 4}}),
            ),
            (EmbedForm::Titan, json!({"inputText": "a", "dimensions": 4})),
            (EmbedForm::Cohere, json!({"texts": ["a"], "input_type": "search_document", "output_dimension": 4})),
        ] {
            let body: Value = serde_json::from_slice(&of(form, "m", sized.clone()).body(&["a"])).unwrap();
            assert_eq!(body, expected, "{form:?}");
        }
        let told = of(EmbedForm::Cohere, "m", json!({"input_type": "clustering"})).body(&["a"]);
        assert_eq!(serde_json::from_slice::<Value>(&told).unwrap()["input_type"], "clustering");
    }

    #[test]
    fn answers_in_another_order_are_put_in_order_and_gaps_are_refused() {
        let read = |data: Value| {
            let body = json!({"data": data, "usage": {"total_tokens": 7}}).to_string();
            of(EmbedForm::OpenAi, "m", Value::Null).read(body.as_bytes())
        };
        let entry = |index: usize, number: f32| json!({"index": index, "embedding": [number]});
        let expected = Embedded { vectors: vec![vec![1.0], vec![2.0]], tokens: Some(7) };
        assert_eq!(read(json!([entry(1, 2.0), entry(0, 1.0)])).unwrap(), expected);
        assert_eq!(read(json!([{"embedding": [1.0]}, {"embedding": [2.0]}])).unwrap(), expected);
        for wrong in [json!([entry(0, 1.0), entry(0, 2.0)]), json!([entry(1, 1.0), entry(2, 2.0)])] {
            assert!(matches!(read(wrong), Err(NoReply::Bad(_))));
        }
        assert!(matches!(read(json!([{"embedding": [null]}])), Err(NoReply::Bad(_))));
    }

    #[test]
    fn cohere_has_two_forms_and_an_error_is_one_with_any_status() {
        let cohere = of(EmbedForm::Cohere, "m", Value::Null);
        for body in [r#"{"embeddings": [[1, 2]]}"#, r#"{"embeddings": {"float": [[1, 2]]}}"#] {
            assert_eq!(cohere.read(body.as_bytes()).unwrap().vectors, [[1.0, 2.0]]);
        }
        assert!(matches!(cohere.read(br#"{"message": "busy"}"#), Err(NoReply::Error(_))));
        assert!(matches!(cohere.read(b"{oops"), Err(NoReply::Bad(_))));
    }
}
