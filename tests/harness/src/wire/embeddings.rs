//! Embeddings, as OpenAI, Gemini, Vertex AI, Ollama and Bedrock have them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::chat::Chat;
use super::converse::Converse;
use super::gemini::{Content, Gemini};
use super::ollama::Ollama;
use super::{Call, Place, Said, Speaker, Turn, Unreadable, Vectors, Wire};

/// Most numbers in a vector.
const SIZE_LIMIT: usize = 8192;

/// `POST */embeddings`.
pub(super) struct OpenAiEmbeddings;

/// `POST */api/embed`.
pub(super) struct OllamaEmbeddings;

/// `POST */models/M:embedContent`, `:batchEmbedContents` and, on Vertex AI, `:predict`.
pub(super) enum GeminiEmbeddings {
    One,
    Batch,
    Predict,
}

/// `POST */model/M/invoke`, of the two makers whose models embed there.
pub(super) enum BedrockEmbeddings {
    Titan,
    Cohere,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TitanAsked {
    input_text: String,
    dimensions: Option<usize>,
}

#[derive(Deserialize)]
struct CohereAsked {
    texts: Vec<String>,
    input_type: Option<String>,
    output_dimension: Option<usize>,
}

/// What OpenAI and Ollama are asked.
#[derive(Deserialize)]
struct Asked {
    model: Option<String>,
    input: Input,
    dimensions: Option<usize>,
    encoding_format: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EmbedContent {
    content: Content,
    output_dimensionality: Option<usize>,
    embed_content_config: Option<Parameters>,
}

#[derive(Deserialize)]
struct Batch {
    requests: Vec<EmbedContent>,
}

#[derive(Deserialize)]
struct Predict {
    instances: Vec<Instance>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Instance {
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    output_dimensionality: Option<usize>,
}

/// `size` numbers that follow from the text alone, of length 1.
fn vector(text: &str, size: usize) -> Vec<f32> {
    let numbers = (0_u32..).flat_map(|round| {
        let hash = Sha256::new().chain_update(round.to_le_bytes()).chain_update(text).finalize();
        hash.chunks(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]]))).collect::<Vec<_>>()
    });
    let numbers: Vec<f32> = numbers.take(size).collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt().max(1.0);
    numbers.into_iter().map(|number| number / length).collect()
}

fn vectors(turn: &Turn<'_>) -> Vec<Vec<f32>> {
    turn.call.said.iter().map(|said| vector(&said.text, turn.call.vectors.size)).collect()
}

fn call<'a>(model: String, texts: Vec<String>, size: Option<usize>, base64: bool) -> Result<Call<'a>, Unreadable> {
    let size = size.unwrap_or(Vectors::default().size);
    if size == 0 || size > SIZE_LIMIT {
        return Err(Unreadable::Missing("the number of dimensions is not one of 1 to 8192"));
    }
    let said = texts.into_iter().map(|text| Said::new(Speaker::User, text)).collect();
    Ok(Call { vectors: Vectors { size, base64 }, ..Call::new(model, false, said) })
}

fn asked<'a>(place: &Place, body: &[u8]) -> Result<Call<'a>, Unreadable> {
    let asked: Asked = serde_json::from_slice(body)?;
    let model = asked.model.map_or_else(|| place.model().map(str::to_owned), Ok)?;
    let texts = match asked.input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
    };
    call(model, texts, asked.dimensions, asked.encoding_format.as_deref() == Some("base64"))
}

impl Wire for OpenAiEmbeddings {
    fn read<'a>(&self, place: &'a Place, _: &HeaderMap, body: &'a [u8]) -> Result<Call<'a>, Unreadable> {
        asked(place, body)
    }

    fn plain(&self, turn: &Turn<'_>) -> Vec<u8> {
        let shown = |vector: Vec<f32>| match turn.call.vectors.base64 {
            true => STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>()).into(),
            false => json!(vector),
        };
        let entry = |(index, vector)| json!({"object": "embedding", "index": index, "embedding": shown(vector)});
        let data: Vec<Value> = vectors(turn).into_iter().enumerate().map(entry).collect();
        json!({"object": "list", "data": data, "model": turn.call.model,
            "usage": {"prompt_tokens": turn.fresh(), "total_tokens": turn.fresh()}})
        .to_string()
        .into()
    }

    fn error(&self, status: u16, text: &str) -> String {
        Chat.error(status, text)
    }

    fn talks(&self) -> bool {
        false
    }
}

impl Wire for OllamaEmbeddings {
    fn read<'a>(&self, place: &'a Place, _: &HeaderMap, body: &'a [u8]) -> Result<Call<'a>, Unreadable> {
        asked(place, body)
    }

    fn plain(&self, turn: &Turn<'_>) -> Vec<u8> {
        json!({"model": turn.call.model, "embeddings": vectors(turn), "total_duration": 2_000_000,
            "load_duration": 1_000_000, "prompt_eval_count": turn.fresh()})
        .to_string()
        .into()
    }

    fn error(&self, status: u16, text: &str) -> String {
        Ollama.error(status, text)
    }

    fn talks(&self) -> bool {
        false
    }
}

impl EmbedContent {
    fn text(self) -> (String, Option<usize>) {
        let text: Vec<_> = self.content.said().into_iter().map(|said| said.text.into_owned()).collect();
        let configured = self.embed_content_config.and_then(|config| config.output_dimensionality);
        (text.join("\n"), self.output_dimensionality.or(configured))
    }
}

impl Wire for GeminiEmbeddings {
    fn read<'a>(&self, place: &'a Place, _: &HeaderMap, body: &'a [u8]) -> Result<Call<'a>, Unreadable> {
        let (texts, size) = match self {
            Self::One => {
                let (text, size) = serde_json::from_slice::<EmbedContent>(body)?.text();
                (vec![text], size)
            }
            Self::Batch => {
                let batch: Batch = serde_json::from_slice(body)?;
                let (texts, sizes): (Vec<_>, Vec<_>) = batch.requests.into_iter().map(EmbedContent::text).unzip();
                (texts, sizes.first().copied().flatten())
            }
            Self::Predict => {
                let predict: Predict = serde_json::from_slice(body)?;
                let size = predict.parameters.and_then(|parameters| parameters.output_dimensionality);
                (predict.instances.into_iter().map(|instance| instance.content).collect(), size)
            }
        };
        call(place.model()?.to_owned(), texts, size, false)
    }

    fn plain(&self, turn: &Turn<'_>) -> Vec<u8> {
        let mut values = vectors(turn).into_iter().map(|vector| json!({"values": vector}));
        let usage = json!({"promptTokenCount": turn.fresh(), "totalTokenCount": turn.fresh()});
        let body = match self {
            Self::One => json!({"embedding": values.next(), "usageMetadata": usage}),
            Self::Batch => json!({"embeddings": values.collect::<Vec<_>>(), "usageMetadata": usage}),
            Self::Predict => {
                let prediction = |(mut embedding, said): (Value, &Said<'_>)| {
                    let tokens = (said.text.len() / 4).max(1);
                    embedding["statistics"] = json!({"token_count": tokens, "truncated": false});
                    json!({"embeddings": embedding})
                };
                let predictions: Vec<_> = values.zip(&turn.call.said).map(prediction).collect();
                json!({"predictions": predictions, "metadata": {"billableCharacterCount": 1}})
            }
        };
        body.to_string().into()
    }

    fn error(&self, status: u16, text: &str) -> String {
        Gemini { framed: true }.error(status, text)
    }

    fn talks(&self) -> bool {
        false
    }
}

impl Wire for BedrockEmbeddings {
    fn read<'a>(&self, place: &'a Place, _: &HeaderMap, body: &'a [u8]) -> Result<Call<'a>, Unreadable> {
        let (texts, size) = match self {
            Self::Titan => {
                let asked: TitanAsked = serde_json::from_slice(body)?;
                (vec![asked.input_text], asked.dimensions)
            }
            Self::Cohere => {
                let asked: CohereAsked = serde_json::from_slice(body)?;
                asked.input_type.ok_or(Unreadable::Missing("missing field `input_type`"))?;
                (asked.texts, asked.output_dimension)
            }
        };
        call(place.model()?.to_owned(), texts, size, false)
    }

    fn plain(&self, turn: &Turn<'_>) -> Vec<u8> {
        let mut vectors = vectors(turn);
        let body = match self {
            Self::Titan => json!({"embedding": vectors.pop(), "inputTextTokenCount": turn.fresh()}),
            Self::Cohere => json!({"id": "e-1", "embeddings": vectors, "response_type": "embeddings_floats"}),
        };
        body.to_string().into()
    }

    fn error(&self, status: u16, text: &str) -> String {
        Converse.error(status, text)
    }

    fn error_header(&self, status: u16) -> Option<(&'static str, &'static str)> {
        Converse.error_header(status)
    }

    fn talks(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::plain;
    use super::*;
    use crate::wire::Answer;

    #[test]
    fn vectors_follow_from_the_text() {
        assert_eq!(vector("a", 8), vector("a", 8));
        assert_ne!(vector("a", 8), vector("b", 8));
        for size in [1, 8, 100] {
            let vector = vector("a", size);
            assert_eq!(vector.len(), size);
            assert!((vector.iter().map(|number| number * number).sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn all_vendors_give_the_same_vectors() {
        let embed = |path: &str, body: Value| plain(path, &body, &Answer::default());
        // Numbers are single-precision; as JSON they are read as double.
        let single = |vector: &Value| -> Vec<f32> { serde_json::from_value(vector.clone()).unwrap() };
        let (a, b) = (vector("a", 8), vector("b", 8));
        let openai = embed("/v1/embeddings", json!({"model": "m", "input": ["a", "b"]}));
        assert_eq!(single(&openai["data"][0]["embedding"]), a);
        assert_eq!(single(&openai["data"][1]["embedding"]), b);
        let coded = json!({"model": "m", "input": "a", "encoding_format": "base64"});
        let coded = embed("/v1/embeddings", coded);
        let bytes = STANDARD.decode(coded["data"][0]["embedding"].as_str().unwrap()).unwrap();
        assert_eq!(bytes, a.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>());
        let ollama = embed("/api/embed", json!({"model": "m", "input": ["a", "b"]}));
        assert_eq!(single(&ollama["embeddings"][1]), b);
        let content = |text: &str| json!({"content": {"parts": [{"text": text}]}});
        let one = embed("/v1beta/models/m:embedContent", content("a"));
        assert_eq!(single(&one["embedding"]["values"]), a);
        let batch = json!({"requests": [content("a"), content("b")]});
        let batch = embed("/v1beta/models/m:batchEmbedContents", batch);
        assert_eq!(single(&batch["embeddings"][1]["values"]), b);
        let predict = json!({"instances": [{"content": "a"}]});
        let predict = embed("/v1/projects/p/locations/l/publishers/google/models/m:predict", predict);
        assert_eq!(single(&predict["predictions"][0]["embeddings"]["values"]), a);
        let titan = embed("/model/amazon.titan-embed-text-v2%3A0/invoke", json!({"inputText": "a"}));
        assert_eq!(single(&titan["embedding"]), a);
        let cohere = json!({"texts": ["a", "b"], "input_type": "search_document"});
        let cohere = embed("/model/cohere.embed-english-v3/invoke", cohere);
        assert_eq!(single(&cohere["embeddings"][1]), b);
    }
}
