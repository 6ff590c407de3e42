//! The objects of the bars, as users write them.

const API: &str = "apiVersion: omnia.altairalabs.ai/v1alpha1";

/// A source of the stand's repository.
pub fn source(name: &str, branch: &str, interval: &str) -> String {
    format!(
        "{API}\nkind: ArenaSource\nmetadata: {{name: {name}}}\nspec:\n  type: git\n  interval: {interval}\n  \
         git: {{url: https://github.com/acme/prompts, ref: {{branch: {branch}}}}}\n"
    )
}

/// A provider of type openai that is called at `url`.
pub fn provider(name: &str, url: &str) -> String {
    format!(
        "{API}\nkind: Provider\nmetadata: {{name: {name}}}\nspec: {{type: openai, model: fake-model, baseURL: '{url}'}}\n"
    )
}

/// A config with one provider, or the bundle's own, and more lines of its spec.
pub fn config(name: &str, source: &str, provider: Option<&str>, more: &str) -> String {
    let providers = provider.map(|id| format!("  providers: [{{name: {id}}}]\n")).unwrap_or_default();
    format!(
        "{API}\nkind: ArenaConfig\nmetadata: {{name: {name}}}\nspec:\n  sourceRef: {{name: {source}}}\n{providers}{more}"
    )
}

/// A job of a config, with more lines of its spec.
pub fn job(name: &str, config: &str, more: &str) -> String {
    format!("{API}\nkind: ArenaJob\nmetadata: {{name: {name}}}\nspec:\n  configRef: {{name: {config}}}\n{more}")
}
