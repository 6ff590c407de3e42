//! Gates as the manifest of a run keeps them, so that they mean the same wherever the run is resumed.

use std::path::{Path, PathBuf};

use arena_bundle::Bundle;
use arena_gate::{Gate, Regression};
use arena_model::{GateResult, Manifest, Summary};
use arena_results::RunView;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Wanted;
use crate::exit::{Failure, OrFail};

/// Where gates of the command line stand in a manifest's settings.
const SETTING: &str = "gates";
/// Set in a manifest's settings where the gates of the bundle are none of the run's.
const NONE: &str = "noGates";
/// Where the folder stands, in a manifest's settings, as seen from which the bundle's gates name their baselines: the copy of
/// the bundle in the run's folder is elsewhere.
const BUNDLE_FOLDER: &str = "bundleFolder";

/// A gate as a manifest keeps it. A baseline is kept whole, since the run may be resumed from elsewhere.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    Comparison(String),
    Regression { gate: String, baseline: String },
}

impl Kept {
    fn of(gate: &Gate) -> Self {
        let text = gate.text().to_owned();
        match gate {
            Gate::Comparison { .. } => Self::Comparison(text),
            Gate::Regression { regression, .. } => {
                Self::Regression { gate: text, baseline: regression.baseline.clone() }
            }
        }
    }

    fn read(self) -> Result<Gate, Failure> {
        match self {
            Self::Comparison(text) => Gate::parse(&text).or_fail(),
            Self::Regression { gate, baseline } => Ok(match Gate::parse(&gate).or_fail()? {
                Gate::Regression { text, regression } => {
                    Gate::Regression { text, regression: Regression { baseline, ..regression } }
                }
                other => other,
            }),
        }
    }
}

/// Notes the gates of a new run in its manifest's settings: those of its command line, and where those of its bundle begin.
pub fn keep(settings: &mut Value, given: &Wanted, bundle: &Bundle) -> Result<(), Failure> {
    if given.none {
        settings[NONE] = json!(true);
        return Ok(());
    }
    let kept: Vec<Kept> = given.gates.iter().map(Kept::of).collect();
    if !kept.is_empty() {
        settings[SETTING] = serde_json::to_value(kept).unwrap_or_default();
    }
    keep_folder(settings, bundle)
}

/// The second half of [`keep`].
pub fn keep_folder(settings: &mut Value, bundle: &Bundle) -> Result<(), Failure> {
    if bundle.gates.iter().any(|gate| matches!(gate, Gate::Regression { .. })) {
        settings[BUNDLE_FOLDER] = json!(whole(&bundle.root)?.to_string_lossy());
    }
    Ok(())
}

/// The gates of a run: those of its command line, which its manifest keeps, and those of its bundle.
pub fn of(manifest: &Manifest, bundle: &Bundle) -> Result<Vec<Gate>, Failure> {
    let mut gates = kept(manifest)?;
    if !heeds_bundle(manifest) {
        return Ok(gates);
    }
    for gate in of_bundle(bundle, manifest.origin.settings[BUNDLE_FOLDER].as_str().map(Path::new))? {
        if !gates.contains(&gate) {
            gates.push(gate);
        }
    }
    Ok(gates)
}

/// Whether the gates of its bundle are the run's.
fn heeds_bundle(manifest: &Manifest) -> bool {
    manifest.origin.settings[NONE] != json!(true)
}

fn kept(manifest: &Manifest) -> Result<Vec<Gate>, Failure> {
    let kept = &manifest.origin.settings[SETTING];
    if kept.is_null() {
        return Ok(Vec::new());
    }
    let kept: Vec<Kept> = serde_json::from_value(kept.clone()).map_err(|error| {
        Failure::input("ManifestInvalid", format!("the manifest's origin.settings.{SETTING}: {error}"))
    })?;
    kept.into_iter().map(Kept::read).collect()
}

/// The bundle's gates, their baselines as seen from `folder`, or else from where the bundle is.
pub(super) fn of_bundle(bundle: &Bundle, folder: Option<&Path>) -> Result<Vec<Gate>, Failure> {
    let folder = folder.map_or_else(|| whole(&bundle.root), |folder| Ok(folder.to_owned()))?;
    Ok(bundle.gates.iter().map(|gate| gate.clone().seen_from(&folder)).collect())
}

/// A path that means the same from every folder.
pub(super) fn whole(path: &Path) -> Result<PathBuf, Failure> {
    let unknown = |error| Failure::machinery("FileUnreadable", format!("{}: {error}", path.display()));
    std::path::absolute(path).map_err(unknown)
}

/// The gates as text that a finished run was decided by.
pub fn again(run: &RunView, summary: &Summary) -> Result<Vec<Gate>, Failure> {
    let mut kept = kept(run.manifest())?;
    let folder = run.manifest().origin.settings[BUNDLE_FOLDER].as_str().map_or_else(|| run.bundle(), PathBuf::from);
    let one = |stored: &GateResult| match kept.iter().position(|gate| gate.text() == stored.gate) {
        Some(at) => Ok(kept.remove(at)),
        None => Ok(Gate::parse(&stored.gate).or_fail()?.seen_from(&folder)),
    };
    summary.gates.iter().chain(&summary.measured.gates).map(one).collect()
}
