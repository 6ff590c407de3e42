//! Providers by what they are for, and who judges with them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Loader, duplicate, nameless};
use crate::document;
use crate::report::Report;
use crate::shape::advice;
use crate::yaml::Cursor;
use crate::{ProviderRole, ProviderSpec};

type Providers = BTreeMap<String, ProviderSpec>;

impl Loader<'_> {
    /// The providers under test, those of embeddings, and the ids of all.
    pub(super) fn providers(&mut self, spec: &Cursor<'_>) -> (Providers, Providers, BTreeSet<String>) {
        let (mut models, mut embedders, mut ids) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        let files = &self.listing.files;
        let mut add = |id: String,
                       group: Option<String>,
                       usual: ProviderRole,
                       spec: &Cursor<'_>,
                       at: &Cursor<'_>,
                       report: &mut Report| {
            ids.insert(id.clone());
            let group = group.unwrap_or_else(|| "default".into());
            let Some(provider) = ProviderSpec::decode(id.clone(), group, usual, spec, files, report) else { return };
            let (same, other) = match provider.role {
                ProviderRole::Llm => (&mut models, &mut embedders),
                ProviderRole::Embedding => (&mut embedders, &mut models),
            };
            let earlier = same.insert(id.clone(), provider).or_else(|| other.remove(&id));
            if let Some(ProviderSpec { file: first, .. }) = earlier {
                report.push(duplicate(at, "DuplicateProvider", &format!("provider `{id}`"), &first, spec.file));
            }
        };
        for (key, usual) in [("providers", ProviderRole::Llm), ("embedding_providers", ProviderRole::Embedding)] {
            let list = spec.get(key);
            for entry in list.iter().flat_map(Cursor::items) {
                let Some(document) = self.open(&entry, document::PROVIDER) else { continue };
                let root = document.root();
                let Some(spec) = root.get("spec") else { continue };
                match document.name().or_else(|| spec.text("id")) {
                    Some(id) => add(id, entry.text("group"), usual, &spec, &entry, &mut self.report),
                    None => self.report.push(nameless(&document)),
                }
            }
        }
        let inline = spec.get("provider_specs");
        for (id, spec) in inline.iter().flat_map(Cursor::entries) {
            add(id.to_owned(), None, ProviderRole::Llm, &spec, &spec, &mut self.report);
        }
        if models.is_empty() {
            let problem = spec.error("NoProviders", "the arena has no provider under test: nothing can run").warning();
            self.report.push(problem.hint("add one to `spec.providers`"));
        }
        (models, embedders, ids)
    }

    /// Whether there is the provider that `defaults.inference` names.
    pub(super) fn check_embedder(&mut self, spec: &Cursor<'_>, embedders: &Providers) {
        let Some(defaults) = spec.get("defaults") else { return };
        let Some(inference) = defaults.get("inference") else { return };
        let Some(named) = inference.get_text("embedder") else { return };
        let id = named.node.as_text().unwrap_or_default();
        if !id.is_empty() && !embedders.contains_key(id) {
            let message = "no provider with the role `embedding` has this id";
            let otherwise = "add it to `spec.providers`, with `role: embedding`";
            let ids = embedders.keys().map(String::as_str);
            let problem = named.error_with_value("ProviderUnknown", message);
            self.report.push(problem.hint(advice(id, ids, otherwise)));
        }
    }

    pub(super) fn judges(&mut self, spec: &Cursor<'_>, providers: &BTreeSet<String>) -> BTreeMap<String, String> {
        let mut judges = BTreeMap::new();
        let mut add = |name: String, judge: &Cursor<'_>, report: &mut Report| {
            let Some(cursor) = judge.get("provider") else { return };
            let Some(provider) = cursor.node.as_text() else { return };
            if !providers.contains(provider) {
                let problem = cursor.error_with_value("ProviderUnknown", "no provider of the arena has this id");
                let otherwise = "the id is the provider's metadata.name; add it to `spec.providers`";
                report.push(problem.hint(advice(provider, providers.iter().map(String::as_str), otherwise)));
            }
            if judges.insert(name.clone(), provider.to_owned()).is_some() {
                report.push(duplicate(judge, "DuplicateJudge", &format!("judge `{name}`"), judge.file, judge.file));
            }
        };
        let list = spec.get("judges");
        for judge in list.iter().flat_map(Cursor::items) {
            let Some(name) = judge.text("name") else { continue };
            add(name, &judge, &mut self.report);
        }
        let inline = spec.get("judge_specs");
        inline
            .iter()
            .flat_map(Cursor::entries)
            .for_each(|(name, judge)| add(name.to_owned(), &judge, &mut self.report));
        judges
    }
}
